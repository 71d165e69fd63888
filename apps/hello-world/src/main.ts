import { writeSync } from 'node:fs';

const LEAST_NODE_MAJOR = 26;

/** Everything else is imported only on a Node that can: an older one fails at a syntax it does not know. */
if (Number(process.versions.node.split('.', 1)[0]) < LEAST_NODE_MAJOR) {
  writeSync(
    2,
    `hello-world needs Node ${LEAST_NODE_MAJOR} or newer and this is ${process.version}: run it by npm, which brings its own, or install the version in .nvmrc\n`,
  );
  process.exit(1);
}

const { TerminationSignals } = await import('./termination-signals.js');
const signals = new TerminationSignals();

const { enableCompileCache } = await import('node:module');
// What a start compiles is there for the next one. The image has it, and cannot write it; there Node only reads.
enableCompileCache(`${import.meta.dirname}/../compile-cache`);

const { keepTickShape } = await import('./tick-shape.js');
keepTickShape();

const { run } = await import('./run.js');
await run(process.argv.slice(2), signals);
