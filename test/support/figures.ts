import { appendFileSync } from 'node:fs';
import { expect } from '@jest/globals';

/** Puts a measured figure beside the running test in the table that run-table.reporter.mjs prints. */
export function figure(text: string): void {
  const file = process.env['TEST_FIGURES'];
  if (file === undefined) return;
  appendFileSync(file, `${JSON.stringify({ test: expect.getState().currentTestName, text })}\n`);
}
