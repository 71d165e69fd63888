export type {
  AdminConfig,
  AppConfig,
  DatabaseConfig,
  Environment,
  FlagDefaults,
  FlagdConfig,
  FlagdResolver,
  FlagsConfig,
  HttpConfig,
  LoggingConfig,
  LogLevel,
  ServiceConfig,
  ShutdownConfig,
  TelemetryConfig,
} from './app-config.js';
export { AppConfigModule } from './app-config.module.js';
export { APP_CONFIG, InjectAppConfig } from './config.constants.js';
export { ConfigError, type ConfigProblem, EXIT_CODE_BAD_CONFIG } from './config.error.js';
export { type DatabaseUrl, differOnlyInPassword, parseDatabaseUrl } from './database-url.js';
export {
  documentationOf,
  ENVIRONMENT_KEYS,
  type EnvironmentKey,
  type KeyDocumentation,
  parseBooleanText,
} from './environment.schema.js';
export { describeConfig, identityOf, loadConfig } from './load-config.js';
export { SecretValue } from './secret-value.js';
