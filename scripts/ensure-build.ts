/** Builds where the build is missing or older than a source: what scripts that run the build call first. */
import './require-node.mjs';
import { resolve } from 'node:path';
import { ensureBuild } from './local/build.ts';
import { sentence } from './local/start-error.ts';

const root = resolve(import.meta.dirname, '..');
try {
  await ensureBuild(root, new AbortController().signal, () => {});
} catch (error) {
  console.error(sentence(error));
  process.exitCode = 1;
}
