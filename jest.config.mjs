import { readFileSync } from 'node:fs';

// Exactly how the build compiles, less its exclusion of tests.
const {
  exclude: _tests,
  $schema: _schema,
  ...swc
} = JSON.parse(readFileSync(new URL('.swcrc', import.meta.url), 'utf8'));

/** Nest is ESM only: run by `node --experimental-vm-modules` (docs/decisions tells the why of each odd line). */
const base = {
  rootDir: import.meta.dirname,
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { ...swc, swcrc: false, sourceMaps: 'inline' }] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  setupFiles: ['<rootDir>/test/support/setup.ts'],
  testEnvironment: 'node',
  // `source` makes `#libs/*` reach the sources; without it tests would silently load the last build.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.data/'],
};

export default {
  projects: [
    { ...base, displayName: 'unit', testMatch: ['<rootDir>/{apps,libs,scripts,test/performance}/**/*.spec.ts'] },
    { ...base, displayName: 'e2e', testMatch: ['<rootDir>/test/**/*.e2e-spec.ts'] },
  ],
  testTimeout: 30_000,
  // Most of the tests wait for something; Jest's own choice on two cores would be one worker.
  maxWorkers: '100%',
  reporters: ['default', '<rootDir>/test/support/closing-line.reporter.mjs'],
  coverageProvider: 'v8',
  coverageDirectory: 'coverage',
  coverageReporters: ['text-summary', 'text', 'lcov'],
  collectCoverageFrom: ['apps/**/*.ts', 'libs/**/*.ts', '!**/*.spec.ts'],
  coverageThreshold: { global: { lines: 95, branches: 90 } },
};
