import { hostname } from 'node:os';
import type { AppConfig, FlagdConfig } from './app-config.js';
import { readBuildInfo } from './build-info.js';
import { ConfigError, type ConfigProblem } from './config.error.js';
import { databaseUrlProblem } from './database-url.js';
import {
  bearerTokenProblem,
  documentationOf,
  ENVIRONMENT_KEYS,
  type EnvironmentKey,
  type EnvironmentValues,
  environmentSchema,
  problemOfIssue,
} from './environment.schema.js';
import { SecretValue } from './secret-value.js';

const DEFAULT_DRAIN_MS = 5_000;
const DEFAULT_HEADERS_TIMEOUT_MS = 10_000;

/** The environment after parsing: the values of the good keys, and what is wrong with the others. */
interface ParsedEnvironment {
  readonly values: Partial<EnvironmentValues>;
  readonly problems: ConfigProblem[];
}

/** Parses each key by itself, so that one bad key never hides another. An empty text counts as not set. */
export function parseEnvironment(environment: NodeJS.ProcessEnv): ParsedEnvironment {
  const values: Record<string, unknown> = {};
  const problems: ConfigProblem[] = [];
  for (const key of ENVIRONMENT_KEYS) {
    const text = environment[key]?.trim();
    const result = environmentSchema[key].safeParse(text === '' ? undefined : text);
    if (result.success) values[key] = result.data;
    else {
      const problem = problemOfIssue(result.error.issues[0]) ?? `must be ${documentationOf(key).expects}`;
      problems.push({ key, problem });
    }
  }
  return { values, problems };
}

/** What no key shows by itself. A rule is silent about keys that are bad already. */
function findContradictions(values: Partial<EnvironmentValues>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const refuse = (key: EnvironmentKey, problem: string): number => problems.push({ key, problem });
  const { PORT, MANAGEMENT_PORT, HTTP_HEADERS_TIMEOUT_MS, HTTP_REQUEST_TIMEOUT_MS } = values;

  if (MANAGEMENT_PORT !== undefined && MANAGEMENT_PORT !== 0 && MANAGEMENT_PORT === PORT)
    refuse('MANAGEMENT_PORT', 'must not be the same as PORT');
  if ((HTTP_HEADERS_TIMEOUT_MS ?? 0) > (HTTP_REQUEST_TIMEOUT_MS ?? Infinity))
    refuse('HTTP_HEADERS_TIMEOUT_MS', 'must not be above HTTP_REQUEST_TIMEOUT_MS');
  if (drainMs(values) >= (values.SHUTDOWN_TIMEOUT_MS ?? Infinity)) {
    if (values.SHUTDOWN_DRAIN_MS !== undefined) refuse('SHUTDOWN_DRAIN_MS', 'must be below SHUTDOWN_TIMEOUT_MS');
    else
      refuse('SHUTDOWN_TIMEOUT_MS', `must be above ${DEFAULT_DRAIN_MS}, the drain where SHUTDOWN_DRAIN_MS is not set`);
  }
  for (const key of ['ADMIN_TOKEN', 'DATABASE_URL'] as const)
    if (values[key] !== undefined && values[`${key}_FILE`] !== undefined)
      refuse(`${key}_FILE`, `must not be set together with ${key}`);
  if (values.ADMIN_FLAGS_ENABLED && values.ENVIRONMENT === 'prod' && !values.ADMIN_TOKEN && !values.ADMIN_TOKEN_FILE)
    refuse('ADMIN_TOKEN', 'must be set (or ADMIN_TOKEN_FILE) where ADMIN_FLAGS_ENABLED is on and ENVIRONMENT is prod');
  if (values.DATABASE_MIGRATE_ON_START && values.ENVIRONMENT !== undefined && values.ENVIRONMENT !== 'local')
    refuse(
      'DATABASE_MIGRATE_ON_START',
      'must be off unless ENVIRONMENT is local: elsewhere migrations run before the service',
    );
  if (values.FLAGD_RESOLVER === 'file' && values.FLAGD_OFFLINE_FLAG_SOURCE_PATH === undefined)
    refuse('FLAGD_OFFLINE_FLAG_SOURCE_PATH', 'must be set where FLAGD_RESOLVER is file');
  if (values.FLAGD_RESOLVER === 'rpc' && !values.FLAGD_HOST && values.FLAGD_OFFLINE_FLAG_SOURCE_PATH !== undefined)
    refuse('FLAGD_HOST', 'must be set where FLAGD_RESOLVER is rpc: the file given is read by the resolver file only');
  return problems;
}

function drainMs({ SHUTDOWN_DRAIN_MS, ENVIRONMENT }: Partial<EnvironmentValues>): number {
  return SHUTDOWN_DRAIN_MS ?? (ENVIRONMENT === 'local' ? 0 : DEFAULT_DRAIN_MS);
}

function headersTimeoutMs({ HTTP_HEADERS_TIMEOUT_MS, HTTP_REQUEST_TIMEOUT_MS }: EnvironmentValues): number {
  return HTTP_HEADERS_TIMEOUT_MS ?? Math.min(DEFAULT_HEADERS_TIMEOUT_MS, HTTP_REQUEST_TIMEOUT_MS);
}

function flagdConfig(values: EnvironmentValues): FlagdConfig | undefined {
  const host = values.FLAGD_HOST;
  const offlineFlagSourcePath = values.FLAGD_OFFLINE_FLAG_SOURCE_PATH;
  if (host === undefined && offlineFlagSourcePath === undefined) return undefined;
  const resolver = values.FLAGD_RESOLVER ?? (host === undefined ? 'file' : 'rpc');
  if (resolver === 'rpc' && host === undefined) return undefined;
  // flagd's own reading: an in-process resolver with an offline source reads the file and connects nowhere.
  const readsFile = resolver === 'file' || (resolver === 'in-process' && offlineFlagSourcePath !== undefined);
  return {
    resolver: readsFile ? 'file' : resolver,
    host,
    port: resolver === 'rpc' ? values.FLAGD_PORT : values.FLAGD_SYNC_PORT,
    tls: values.FLAGD_TLS,
    offlineFlagSourcePath: readsFile ? offlineFlagSourcePath : undefined,
    deadlineMs: values.FLAGD_DEADLINE_MS,
  };
}

/** Reads a secret from its key or its file; a file that cannot be read, or holds nonsense, is a problem of its key. */
function readSecret(
  values: Partial<EnvironmentValues>,
  key: 'ADMIN_TOKEN' | 'DATABASE_URL',
  problemOf: (value: string) => string | undefined,
  problems: ConfigProblem[],
): SecretValue | undefined {
  const value = values[key];
  if (value !== undefined) return SecretValue.fromEnvironment(value);
  const file = values[`${key}_FILE`];
  if (file === undefined) return undefined;
  try {
    const secret = SecretValue.fromFile(file, (content) => problemOf(content) === undefined);
    const problem = problemOf(secret.reveal());
    if (problem === undefined) return secret;
    problems.push({ key: `${key}_FILE`, problem: `holds a value that ${problem}` });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    problems.push({ key: `${key}_FILE`, problem: `must be a readable file: ${code ?? message}` });
  }
  return undefined;
}

function deepFreeze<T extends object>(value: T): T {
  for (const child of Object.values(value))
    if (typeof child === 'object' && child !== null && !(child instanceof SecretValue)) deepFreeze(child as object);
  return Object.freeze(value);
}

/**
 * Reads the environment, once. This is the only reader of `process.env` in our code.
 *
 * @throws {@link ConfigError} naming every key that is bad, and no value
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): AppConfig {
  const { values: parsed, problems } = parseEnvironment(environment);
  problems.push(...findContradictions(parsed));
  const adminToken = readSecret(parsed, 'ADMIN_TOKEN', bearerTokenProblem, problems);
  const databaseUrl = readSecret(parsed, 'DATABASE_URL', databaseUrlProblem, problems);
  if (problems.length > 0) throw new ConfigError(problems);

  const values = parsed as EnvironmentValues;
  return deepFreeze<AppConfig>({
    service: {
      ...readBuildInfo(),
      name: values.OTEL_SERVICE_NAME,
      environment: values.ENVIRONMENT,
      instance: hostname(),
    },
    http: {
      port: values.PORT,
      host: values.HOST,
      managementPort: values.MANAGEMENT_PORT,
      trustProxy: values.TRUST_PROXY,
      requestTimeoutMs: values.HTTP_REQUEST_TIMEOUT_MS,
      headersTimeoutMs: headersTimeoutMs(values),
      keepAliveTimeoutMs: values.HTTP_KEEP_ALIVE_TIMEOUT_MS,
      bodyLimitBytes: values.HTTP_BODY_LIMIT_BYTES,
    },
    shutdown: { drainMs: drainMs(values), timeoutMs: values.SHUTDOWN_TIMEOUT_MS },
    logging: { level: values.LOG_LEVEL },
    flags: {
      defaults: { metrics: values.ENABLE_METRICS, tracing: values.ENABLE_TRACING },
      flagd: flagdConfig(values),
    },
    admin: { enabled: values.ADMIN_FLAGS_ENABLED, token: adminToken },
    database: {
      url: databaseUrl,
      migrateOnStart: values.DATABASE_MIGRATE_ON_START,
      poolMax: values.DATABASE_POOL_MAX,
      connectTimeoutMs: values.DATABASE_CONNECT_TIMEOUT_MS,
      statementTimeoutMs: values.DATABASE_STATEMENT_TIMEOUT_MS,
      lockTimeoutMs: values.DATABASE_LOCK_TIMEOUT_MS,
    },
    telemetry: { endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT },
  });
}

/** Who is running, as far as the environment says it well: for a line that is written where there is no configuration. */
export function identityOf(environment: NodeJS.ProcessEnv = process.env): Record<string, unknown> {
  const { values } = parseEnvironment(environment);
  return { service: values.OTEL_SERVICE_NAME, version: readBuildInfo().version, environment: values.ENVIRONMENT };
}

/** What `--print-config` shows: each key with the value in force; secrets masked, keys not set left out. */
export function describeConfig(environment: NodeJS.ProcessEnv = process.env): Record<string, unknown> {
  const config = loadConfig(environment);
  const { values } = parseEnvironment(environment);
  const shown = {
    ...values,
    HTTP_HEADERS_TIMEOUT_MS: config.http.headersTimeoutMs,
    SHUTDOWN_DRAIN_MS: config.shutdown.drainMs,
  };
  return Object.fromEntries(
    Object.entries(shown)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, documentationOf(key as EnvironmentKey).secret ? '********' : value]),
  );
}
