/** Writes `dist/build-info.json`: the one record of what was built, read by the service, its metrics and its traces. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

/** The commit: given from outside where the sources come without git (an image build), else git's own word. */
function revision(): string {
  if (process.env['REVISION']) return process.env['REVISION'];
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim();
  } catch {
    return 'unknown';
  }
}

const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };
const buildInfo = { version: process.env['VERSION'] || version, revision: revision() };
writeFileSync(new URL('dist/build-info.json', root), `${JSON.stringify(buildInfo)}\n`);
