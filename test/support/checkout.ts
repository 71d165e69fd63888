import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './launcher.js';

/** What is built, and what builds and runs it. */
const CONTENT = [
  ...['apps', 'libs', 'migrations', 'deploy', 'scripts', 'dist'],
  ...['package.json', 'tsconfig.json', 'nest-cli.json', '.swcrc'],
];

/** A copy of the checkout, build included, that a test may edit. */
export interface Checkout {
  readonly root: string;
  remove(): void;
}

export function copyCheckout(): Checkout {
  const root = mkdtempSync(join(tmpdir(), 'hello-world-checkout-'));
  // With the times, which tell whether the build is older than a source.
  execFileSync('cp', ['-a', ...CONTENT.map((name) => join(ROOT, name)), root]);
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
}
