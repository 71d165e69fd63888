/**
 * A step of `npm run build`: puts what the service runs into a few files, so that a start need not look for two thousand
 * (docs/decisions/0019-bundle.md). `main.js` is replaced by its bundled self, everything else of the build stays, for the
 * migrations, the generators and the tests.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';

const root = resolve(import.meta.dirname, '..');
const app = resolve(root, 'dist/apps/hello-world');

/** What has to be the very module that somebody else loads, or a file that may be replaced. */
const EXTERNAL = [
  // `@nestjs/typeorm` and the instrumentation of `pg` get at the packages themselves.
  'typeorm',
  'pg',
  // Whatever is loaded beside the service adds to the same registry.
  'prom-client',
  // Of the development dependencies, for a terminal only.
  'pino-pretty',
  '#migrations',
];

/** Traces lead to the TypeScript, not to what the compiler made of it. */
const compilersMaps: Plugin = {
  name: 'compilers-maps',
  async load(id) {
    if (!id.startsWith(resolve(root, 'dist')) || !existsSync(`${id}.map`)) return null;
    const [code, map] = await Promise.all([readFile(id, 'utf8'), readFile(`${id}.map`, 'utf8')]);
    return { code, map };
  },
};

/**
 * An `import` of `node:http` asks for every export of it, also for those by which Node loads all of undici: a tenth of a
 * start. Got at like this it gives what is used.
 */
const lazyHttp: Plugin = {
  name: 'lazy-http',
  resolveId: (id) => (id === 'http' || id === 'node:http' ? '\0http' : null),
  load: (id) => (id === '\0http' ? "module.exports = process.getBuiltinModule('node:http');" : null),
};

const bundle = await rolldown({
  cwd: root,
  input: resolve(app, 'src/main.js'),
  platform: 'node',
  external: EXTERNAL,
  resolve: { mainFields: ['module', 'main'] },
  plugins: [compilersMaps, lazyHttp],
  onLog(level, log, handle) {
    // Nest asks for packages that nobody needs to have: they stay imports, and are not reached.
    if (log.code !== 'UNRESOLVED_IMPORT') handle(level, log);
  },
});
await bundle.write({
  dir: app,
  format: 'esm',
  entryFileNames: 'src/main.js',
  // As deep in the tree as the sources, which look for `build-info.json` by a relative path.
  chunkFileNames: 'bundle/[name]-[hash].js',
  sourcemap: true,
  // Names of classes go into logs, and tell OpenFeature's services apart.
  keepNames: true,
});
