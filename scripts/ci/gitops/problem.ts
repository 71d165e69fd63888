/** Why a step cannot do what it was asked to: its message is for people. */
export class GitOpsProblem extends Error {}

/** Why a step rightly does nothing. */
export class NothingToDo extends Error {}
