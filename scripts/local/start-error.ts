/**
 * Something the person at the keyboard can mend. The message is one whole sentence: what is wrong, and how to mend it.
 * A text as `cause` is what another program had to say about it.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** What to show for an error: never a stack trace. */
export function sentence(error: unknown): string {
  if (!(error instanceof Error)) return `It failed unexpectedly: ${String(error)}`;
  if (!(error instanceof StartError)) return `It failed unexpectedly: ${error.message}`;
  return typeof error.cause === 'string' ? `${error.cause}\n${error.message}` : error.message;
}
