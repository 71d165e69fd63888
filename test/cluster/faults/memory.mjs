// Loaded into the service by `NODE_OPTIONS=--import=…/memory.mjs`: takes memory until it is stopped, by a signal. SIGUSR2:
// outside of V8's heap, as a leak of buffers does; SIGHUP: on it, as a leak of objects does. A restart begins anew.
const STEP_BYTES = 1024 * 1024;
const PAUSE_MS = 20;
const OBJECTS_PER_STEP = 16_384;

const held = [];

/** What inherits NODE_OPTIONS, as a command in the same container, is left alone. */
if (process.argv[1]?.endsWith('/main.js')) {
  process.once('SIGUSR2', () => take(() => Buffer.alloc(STEP_BYTES, 1)));
  process.once('SIGHUP', () => take(() => Array.from({ length: OBJECTS_PER_STEP }, (_, number) => ({ number }))));
}

function take(step) {
  setInterval(() => held.push(step()), PAUSE_MS);
}
