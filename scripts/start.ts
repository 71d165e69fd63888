/**
 * `npm start`: the service on this machine, with a Postgres of its own, on 8080. `--watch` builds and starts it again
 * when a source changes. Any key of the service's environment may be set from outside; `LOCAL_DATA_DIR` says where
 * the database is kept (default `.data`).
 */
import './require-node.mjs';
import { resolve } from 'node:path';
import { launch } from './local/launcher.ts';
import { sentence } from './local/start-error.ts';

const root = resolve(import.meta.dirname, '..');

// Without a terminal stdout is the service's alone: nothing but its JSON lines.
const output = process.stdout.isTTY ? process.stdout : process.stderr;
const say = (line: string): void => {
  output.write(`start: ${line}\n`);
};

// A reader that went away must not end this before it has cleaned up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

try {
  process.exitCode = await launch({
    root,
    dataFolder: resolve(root, process.env['LOCAL_DATA_DIR'] || '.data'),
    outside: process.env,
    watch: process.argv.includes('--watch'),
    say,
  });
} catch (error) {
  process.stderr.write(`start: ${sentence(error)}\n`);
  process.exitCode = 1;
}
