import type { SecretValue } from './secret-value.js';

/** Where the process runs. `prod` and `non-prod` are the two environments of the platform. */
export type Environment = 'local' | 'non-prod' | 'prod';

/** How flagd is asked: by RPC for each evaluation, from flags synced into the process, or from a file. */
export type FlagdResolver = 'rpc' | 'in-process' | 'file';

/** Who is running: what every log line, span and `build_info` says of the process. */
export interface ServiceConfig {
  readonly name: string;
  /** SemVer of the build, from `build-info`. */
  readonly version: string;
  /** Git commit of the build, from `build-info`; `unknown` outside a repository. */
  readonly revision: string;
  readonly environment: Environment;
  /** Name of this instance: the host name, in Kubernetes the pod's name. */
  readonly instance: string;
}

/** Listeners and limits of the HTTP server. Durations in milliseconds. */
export interface HttpConfig {
  readonly port: number;
  /** `undefined`: every address, IPv6 and IPv4. */
  readonly host: string | undefined;
  /** A second listener for `/metrics`, `/admin*` and the probes; they then answer nowhere else. */
  readonly managementPort: number | undefined;
  /** `true` (any proxy), a number of hops, or a list of addresses and CIDRs. */
  readonly trustProxy: boolean | number | readonly string[];
  readonly requestTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly bodyLimitBytes: number;
}

/** Shutdown, in milliseconds from the first signal. */
export interface ShutdownConfig {
  /** How long the service goes on serving while readiness already fails. */
  readonly drainMs: number;
  /** After this the process ends, whatever is still in flight. */
  readonly timeoutMs: number;
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export interface LoggingConfig {
  readonly level: LogLevel;
}

/** Values of the flags where neither an override nor flagd has one. */
export interface FlagDefaults {
  readonly metrics: boolean;
  readonly tracing: boolean;
}

/** How to reach flagd, in flagd's own terms. */
export interface FlagdConfig {
  readonly resolver: FlagdResolver;
  readonly host: string | undefined;
  /** Port of the resolver in use: `FLAGD_PORT` for `rpc`, `FLAGD_SYNC_PORT` for `in-process`. */
  readonly port: number;
  readonly tls: boolean;
  readonly offlineFlagSourcePath: string | undefined;
  /** Longest an evaluation may delay a request. */
  readonly deadlineMs: number;
}

export interface FlagsConfig {
  readonly defaults: FlagDefaults;
  /** `undefined`: neither a host nor a file is configured, the defaults hold. */
  readonly flagd: FlagdConfig | undefined;
}

export interface AdminConfig {
  readonly enabled: boolean;
  readonly token: SecretValue | undefined;
}

/** Postgres. Durations in milliseconds. */
export interface DatabaseConfig {
  /** `undefined`: the service has no database, and readiness does not ask for one. */
  readonly url: SecretValue | undefined;
  readonly migrateOnStart: boolean;
  readonly poolMax: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
}

export interface TelemetryConfig {
  /** Base URL of an OTLP/HTTP receiver; `undefined`: spans exist for logs and propagation only. */
  readonly endpoint: string | undefined;
}

/** The whole configuration: read once, validated, frozen. */
export interface AppConfig {
  readonly service: ServiceConfig;
  readonly http: HttpConfig;
  readonly shutdown: ShutdownConfig;
  readonly logging: LoggingConfig;
  readonly flags: FlagsConfig;
  readonly admin: AdminConfig;
  readonly database: DatabaseConfig;
  readonly telemetry: TelemetryConfig;
}
