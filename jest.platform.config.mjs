import config from './jest.config.mjs';

const [{ displayName: _name, testMatch: _match, ...base }] = config.projects;
const { reporters } = config;

const suite = (name) => ({ ...base, displayName: name, testMatch: [`<rootDir>/test/${name}/**/*.spec.ts`] });

/** On the local platform: its images are pulled before, once. */
const onPlatform = (name) => ({ ...suite(name), globalSetup: '<rootDir>/test/support/pull-images.ts' });

/** On a cluster: images are pushed to its registry before, once. */
const onCluster = (name) => ({ ...suite(name), globalSetup: '<rootDir>/test/support/push-images.ts' });

/**
 * The suites that need more than Node, each with its own command: `check:monitoring` (promtool, amtool, Prometheus),
 * and, on a Docker Engine, `test:image`, `test:compose` and `test:alerts`; on a cluster as well, `test:cluster` and
 * `test:platform`. What they miss, they say and skip.
 */
export default {
  projects: [
    ...['monitoring', 'image', 'deploy', 'pipeline'].map(suite),
    ...['compose', 'alerts'].map(onPlatform),
    ...['cluster', 'platform'].map(onCluster),
  ],
  reporters,
  passWithNoTests: true,
  testTimeout: 60_000,
};
