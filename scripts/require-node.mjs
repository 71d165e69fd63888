import { existsSync } from 'node:fs';

/**
 * Says in one sentence that this Node is too old. Plain JavaScript, and loaded before anything else: an older Node
 * could not even read the TypeScript files, and would answer with a stack trace.
 */
const NEEDED_MAJOR = 26;

if (!existsSync(new URL('../node_modules/', import.meta.url))) {
  console.error('The packages are not installed: run "npm ci" first.');
  process.exit(1);
}

if (Number(process.versions.node.split('.')[0]) < NEEDED_MAJOR) {
  console.error(
    `This needs Node ${NEEDED_MAJOR} or newer, and this is ${process.version}: ` +
      'start it with "npm start", which brings its own Node, or install one (see .nvmrc).',
  );
  process.exit(1);
}
