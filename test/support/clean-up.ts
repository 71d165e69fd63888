/** What a guard runs: `clean-up.ts process <pid> <identity>`, `clean-up.ts folder <path>`. */
import { rmSync } from 'node:fs';
import { endAllOn, endLeftBehind } from './left-behind.ts';

const [what, subject = '', identity = ''] = process.argv.slice(2);
if (what === 'process') {
  await endLeftBehind(Number(subject), identity);
} else {
  await endAllOn(subject);
  rmSync(subject, { recursive: true, force: true, maxRetries: 10 });
}
