import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigError } from './config.error.js';
import { ENVIRONMENT_KEYS, type EnvironmentKey } from './environment.schema.js';
import { describeConfig, identityOf, loadConfig } from './load-config.js';

const DATABASE_URL = 'postgres://hello:s3cret@db:5432/hellodb';

/** The bad keys of an environment, in order. */
function badKeys(environment: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(environment);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(({ key }) => key).sort();
  }
}

describe('loadConfig', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'config-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function file(content: string, name = 'secret'): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }

  it('with an empty environment: the documented defaults', () => {
    const config = loadConfig({});

    expect(config).toMatchObject({
      service: { name: 'hello-world', environment: 'local' },
      http: {
        port: 8080,
        host: undefined,
        managementPort: undefined,
        trustProxy: false,
        requestTimeoutMs: 10_000,
        headersTimeoutMs: 10_000,
        keepAliveTimeoutMs: 72_000,
        bodyLimitBytes: 16_384,
      },
      shutdown: { drainMs: 0, timeoutMs: 25_000 },
      logging: { level: 'info' },
      flags: { defaults: { metrics: false, tracing: false }, flagd: undefined },
      admin: { enabled: false, token: undefined },
      database: {
        url: undefined,
        migrateOnStart: false,
        poolMax: 10,
        connectTimeoutMs: 2_000,
        statementTimeoutMs: 5_000,
        lockTimeoutMs: 5_000,
      },
      telemetry: { endpoint: undefined },
    });
  });

  it('is frozen to its leaves', () => {
    const config = loadConfig({ TRUST_PROXY: '10.0.0.0/8' });

    expect(() => Object.assign(config.http, { port: 1 })).toThrow(TypeError);
    expect(() => (config.http.trustProxy as string[]).push('0.0.0.0/0')).toThrow(TypeError);
  });

  it('takes an empty text, or one of blanks, for a key that is not set', () => {
    const config = loadConfig({ PORT: '', DATABASE_URL: '  ', ADMIN_TOKEN: '' });

    expect(config.http.port).toBe(8080);
    expect(config.database.url).toBeUndefined();
    expect(config.admin.token).toBeUndefined();
  });

  it('drains for 5 s outside of local, unless told otherwise', () => {
    expect(loadConfig({ ENVIRONMENT: 'prod' }).shutdown.drainMs).toBe(5_000);
    expect(loadConfig({ ENVIRONMENT: 'prod', SHUTDOWN_DRAIN_MS: '7' }).shutdown.drainMs).toBe(7);
    expect(loadConfig({ ENVIRONMENT: 'local' }).shutdown.drainMs).toBe(0);
  });

  it('with every key bad at once: names each of them, and no value', () => {
    const bad = Object.fromEntries(ENVIRONMENT_KEYS.map((key) => [key, '\u0001s3cret value']));

    const error = (() => {
      try {
        return loadConfig(bad);
      } catch (thrown) {
        return thrown as ConfigError;
      }
    })();

    // A path may be any text; it is bad because nothing can be read there.
    const paths = new Set<EnvironmentKey>(['FLAGD_OFFLINE_FLAG_SOURCE_PATH']);
    expect(error).toBeInstanceOf(ConfigError);
    const { problems } = error as ConfigError;
    expect(new Set(problems.map(({ key }) => key))).toEqual(new Set(ENVIRONMENT_KEYS.filter((key) => !paths.has(key))));
    expect(JSON.stringify(problems)).not.toContain('s3cret');
    expect((error as ConfigError).message).not.toContain('s3cret');
  });

  it.each([
    ['PORT', ['-1', '65536', '1e3', '0x10', '80.5', ' 8 0 ', '99999999999']],
    ['HOST', ['a b', 'http://x']],
    ['TRUST_PROXY', ['maybe', '10.0.0.0/33', '10.0.0.0/0', '::/0', '10.0.0.0/8/8', '10.0.0.0/x', '::/129', '-1']],
    ['ENABLE_METRICS', ['2', 'tru', 'enabled', 'null']],
    ['ENVIRONMENT', ['production', 'PROD']],
    ['LOG_LEVEL', ['warning', 'INFO']],
    ['ADMIN_TOKEN', ['with blank', 'ünicode', '"quoted"']],
    ['DATABASE_URL', ['mysql://a/b', 'db:5432', `${DATABASE_URL}?sslmode=prefer`, `${DATABASE_URL}?sslmode=verify-ca`]],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ['collector:4318', 'ftp://x', 'http://user:s3cret@collector:4318']],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', ['grpc', 'http/json']],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', ['grpc']],
    ['OTEL_SERVICE_NAME', ['two words']],
    ['HTTP_BODY_LIMIT_BYTES', ['0', '16kb']],
    ['SHUTDOWN_TIMEOUT_MS', ['0', '25s']],
    ['FLAGD_RESOLVER', ['grpc']],
    ['DATABASE_POOL_MAX', ['0', '1001']],
  ])('refuses a bad %s', (key, values) => {
    for (const value of values) expect([value, badKeys({ [key]: value })]).toEqual([value, [key]]);
  });

  it.each([
    ['MANAGEMENT_PORT', { PORT: '80', MANAGEMENT_PORT: '80' }],
    ['MANAGEMENT_PORT', { MANAGEMENT_PORT: '8080' }],
    ['HTTP_HEADERS_TIMEOUT_MS', { HTTP_HEADERS_TIMEOUT_MS: '11', HTTP_REQUEST_TIMEOUT_MS: '10' }],
    ['SHUTDOWN_DRAIN_MS', { SHUTDOWN_DRAIN_MS: '25000' }],
    ['SHUTDOWN_TIMEOUT_MS', { ENVIRONMENT: 'prod', SHUTDOWN_TIMEOUT_MS: '5000' }],
    ['ADMIN_TOKEN', { ENVIRONMENT: 'prod', ADMIN_FLAGS_ENABLED: 'on' }],
    ['DATABASE_MIGRATE_ON_START', { ENVIRONMENT: 'non-prod', DATABASE_MIGRATE_ON_START: 'on' }],
    ['FLAGD_OFFLINE_FLAG_SOURCE_PATH', { FLAGD_RESOLVER: 'file' }],
    ['FLAGD_HOST', { FLAGD_RESOLVER: 'rpc', FLAGD_OFFLINE_FLAG_SOURCE_PATH: 'f' }],
  ])('refuses a contradiction by the name of %s', (key, environment) => {
    expect(badKeys(environment)).toEqual([key]);
  });

  it('gives the head of a request no more time than the whole of it', () => {
    expect(loadConfig({ HTTP_REQUEST_TIMEOUT_MS: '5000' }).http.headersTimeoutMs).toBe(5_000);
    expect(loadConfig({ HTTP_REQUEST_TIMEOUT_MS: '50000' }).http.headersTimeoutMs).toBe(10_000);
  });

  it('lets two random ports be asked for at once', () => {
    expect(badKeys({ PORT: '0', MANAGEMENT_PORT: '0' })).toEqual([]);
  });

  it.each([
    ['false', false],
    ['0', false],
    ['TRUE', true],
    ['1', 1],
    ['2', 2],
    ['10.0.0.0/8, ::1', ['10.0.0.0/8', '::1']],
  ])('reads TRUST_PROXY=%s', (text, expected) => {
    expect(loadConfig({ TRUST_PROXY: text }).http.trustProxy).toEqual(expected);
  });

  it('reads a secret from its file, without the line end', () => {
    const config = loadConfig({
      ADMIN_TOKEN_FILE: file('t0ken\n', 'token'),
      DATABASE_URL_FILE: file(`${DATABASE_URL}\n`, 'url'),
      ADMIN_FLAGS_ENABLED: 'on',
      ENVIRONMENT: 'prod',
    });

    expect(config.admin.token?.reveal()).toBe('t0ken');
    expect(config.database.url?.reveal()).toBe(DATABASE_URL);
  });

  it('refuses a key together with its file, and a file it cannot use, without a word of its content', () => {
    const environment = {
      ADMIN_TOKEN: 'a',
      ADMIN_TOKEN_FILE: file('b', 'token'),
      DATABASE_URL_FILE: file('mysql://hello:s3cret@db/x', 'url'),
    };

    expect(badKeys(environment)).toEqual(['ADMIN_TOKEN_FILE', 'DATABASE_URL_FILE']);
    expect(badKeys({ ADMIN_TOKEN_FILE: join(folder, 'nowhere') })).toEqual(['ADMIN_TOKEN_FILE']);
    expect(badKeys({ ADMIN_TOKEN_FILE: file(' \n', 'empty') })).toEqual(['ADMIN_TOKEN_FILE']);
    expect(() => loadConfig(environment)).toThrow(/DATABASE_URL_FILE holds a value that must begin with postgres:/);
    expect(() => loadConfig(environment)).not.toThrow(/s3cret/);
  });

  it.each([
    ['nothing', {}, undefined],
    ['a host', { FLAGD_HOST: 'flagd' }, { resolver: 'rpc', host: 'flagd', port: 8013 }],
    [
      'a host, in process',
      { FLAGD_HOST: 'flagd', FLAGD_RESOLVER: 'in-process' },
      { resolver: 'in-process', port: 8015 },
    ],
    ['a file alone', { FLAGD_OFFLINE_FLAG_SOURCE_PATH: 'f' }, { resolver: 'file', offlineFlagSourcePath: 'f' }],
    ['a file in process', { FLAGD_RESOLVER: 'in-process', FLAGD_OFFLINE_FLAG_SOURCE_PATH: 'f' }, { resolver: 'file' }],
    [
      'both',
      { FLAGD_HOST: 'flagd', FLAGD_OFFLINE_FLAG_SOURCE_PATH: 'f' },
      { resolver: 'rpc', offlineFlagSourcePath: undefined },
    ],
    ['a resolver alone', { FLAGD_RESOLVER: 'rpc' }, undefined],
  ])('with %s of flagd', (_what, environment, expected) => {
    const { flagd } = loadConfig(environment).flags;

    if (expected === undefined) expect(flagd).toBeUndefined();
    else expect(flagd).toMatchObject(expected);
  });
});

describe('identityOf', () => {
  it('says who is running, and leaves out what the environment says badly', () => {
    expect(identityOf({ OTEL_SERVICE_NAME: 'orders', ENVIRONMENT: 'prod' })).toMatchObject({
      service: 'orders',
      environment: 'prod',
      version: expect.any(String),
    });
    expect(identityOf({ ENVIRONMENT: 's3cret' })['environment']).toBeUndefined();
  });
});

describe('describeConfig', () => {
  it('shows what is in force and masks secrets', () => {
    const shown = describeConfig({ DATABASE_URL, ADMIN_TOKEN: 't0ken', ENVIRONMENT: 'prod', PORT: '81' });

    expect(shown).toMatchObject({
      PORT: 81,
      DATABASE_URL: '********',
      ADMIN_TOKEN: '********',
      SHUTDOWN_DRAIN_MS: 5_000,
      LOG_LEVEL: 'info',
    });
    expect(shown).not.toHaveProperty('HOST');
  });
});
