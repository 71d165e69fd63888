import config from './jest.config.mjs';

const [{ displayName: _name, testMatch: _match, ...base }] = config.projects;
const { reporters } = config;

const suite = (name) => ({ ...base, displayName: name, testMatch: [`<rootDir>/test/${name}/**/*.spec.ts`] });

/**
 * The suites that need more than Node, each with its own command: `check:monitoring` (promtool, amtool, Prometheus),
 * and, on a Docker Engine, `test:image`, `test:compose` and `test:alerts`. What they miss, they say and skip.
 */
export default {
  projects: ['monitoring', 'image', 'compose', 'alerts', 'deploy'].map(suite),
  reporters,
  passWithNoTests: true,
  testTimeout: 60_000,
};
