import config from './jest.config.mjs';

const [{ displayName: _name, testMatch: _match, ...base }] = config.projects;
const { reporters } = config;

const suite = (name) => ({ ...base, displayName: name, testMatch: [`<rootDir>/test/${name}/**/*.spec.ts`] });

/** On the local platform: its images are pulled before, once. */
const onPlatform = (name) => ({ ...suite(name), globalSetup: '<rootDir>/test/support/pull-images.ts' });

/**
 * The suites that need more than Node, each with its own command: `check:monitoring` (promtool, amtool, Prometheus),
 * and, on a Docker Engine, `test:image`, `test:compose` and `test:alerts`. What they miss, they say and skip.
 */
export default {
  projects: [...['monitoring', 'image', 'deploy'].map(suite), ...['compose', 'alerts'].map(onPlatform)],
  reporters,
  passWithNoTests: true,
  testTimeout: 60_000,
};
