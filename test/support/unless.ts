import { describe, it } from '@jest/globals';

type Test = (name: string, test: () => Promise<void>, timeoutMs?: number) => void;

/** A test that is skipped, with the reason in its name, where there is a reason why it cannot run. */
export function itUnless(reason: string | undefined): Test {
  return reason === undefined ? it : (name, test) => it.skip(`${name} (skipped: ${reason})`, test);
}

/** Tests that are skipped, with the reason in their name, where there is a reason why they cannot run. */
export function describeUnless(reason: string | undefined): (name: string, tests: () => void) => void {
  return reason === undefined ? describe : (name, tests) => describe.skip(`${name} (skipped: ${reason})`, tests);
}
