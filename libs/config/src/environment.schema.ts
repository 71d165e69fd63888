import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { databaseUrlProblem } from './database-url.js';

/** What the generated documents say of one key, beside its type. */
export interface KeyDocumentation {
  readonly section: string;
  readonly description: string;
  /** What a value must be, worded so that it completes "KEY must be …". Never contains the value. */
  readonly expects: string;
  /** The default in words, where it is not a constant. */
  readonly defaultText?: string;
  /** Masked wherever the configuration is shown. */
  readonly secret?: boolean;
}

const BEARER_TOKEN = 'a token of letters, digits and ._~+/- (RFC 6750)';
const LARGEST_DURATION_MS = 3_600_000;

const documented = <T extends z.ZodType>(schema: T, documentation: KeyDocumentation): T =>
  schema.meta({ documentation });

/** Any case. */
const booleanText = z.stringbool({
  truthy: ['1', 't', 'true', 'y', 'yes', 'on'],
  falsy: ['0', 'f', 'false', 'n', 'no', 'off'],
});

/** Reads a boolean as the environment writes it: `1 t true y yes on` or `0 f false n no off`, any case; `undefined` for anything else. */
export function parseBooleanText(text: string): boolean | undefined {
  return booleanText.safeParse(text).data;
}

const wholeNumber = (least: number, most: number): z.ZodType<number> =>
  z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number)
    .refine((value) => value >= least && value <= most);

const expectsBoolean = 'one of 1 t true y yes on, or 0 f false n no off';
const expectsNumber = (least: number, most: number): string => `a whole number from ${least} to ${most}`;

const expectsDuration = (least: number): string => `${expectsNumber(least, LARGEST_DURATION_MS)} (milliseconds)`;

/** Credentials do not belong into a URL that everybody may see. */
function isHttpUrl(value: string): boolean {
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

/** What is wrong with a text as a bearer token (RFC 6750, section 2.1); `undefined`: nothing. */
export function bearerTokenProblem(value: string): string | undefined {
  return /^[A-Za-z0-9._~+/-]+=*$/.test(value) ? undefined : `must be ${BEARER_TOKEN}`;
}

/** A rule that finds its own words for what is wrong. */
function refuse(problemOf: (value: string) => string | undefined) {
  return (value: string, issues: z.RefinementCtx): void => {
    const problem = problemOf(value);
    if (problem !== undefined) issues.addIssue({ code: 'custom', message: problem, params: { isProblem: true } });
  };
}

/** The words of a rule with words of its own; `undefined` for a rule without. */
export function problemOfIssue(issue: z.core.$ZodIssue | undefined): string | undefined {
  return issue?.code === 'custom' && issue.params?.['isProblem'] === true ? issue.message : undefined;
}

function isAddressOrCidr(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  if (prefix === undefined) return true;
  // A prefix of 0 is `true` by another name, and refused by what reads the list.
  if (!/^[1-9]\d{0,2}$/.test(prefix)) return false;
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
    return true;
  } catch {
    return false;
  }
}

/** `true`, `false`, a number of hops, or addresses and CIDRs. A number is always hops, so `1` trusts one proxy, not all. */
const trustProxy = (): z.ZodType<boolean | number | readonly string[]> =>
  z.string().transform((text, issues): boolean | number | readonly string[] => {
    if (/^\d{1,2}$/.test(text)) return Number(text) === 0 ? false : Number(text);
    if (/^(t|true|y|yes|on)$/i.test(text)) return true;
    if (/^(f|false|n|no|off)$/i.test(text)) return false;
    const addresses = text.split(',').map((part) => part.trim());
    if (addresses.every(isAddressOrCidr)) return addresses;
    issues.addIssue({ code: 'custom' });
    return z.NEVER;
  });

const port = (section: string, description: string) =>
  documented(wholeNumber(0, 65_535), { section, description, expects: expectsNumber(0, 65_535) });
const duration = (section: string, least: number, description: string) =>
  documented(wholeNumber(least, LARGEST_DURATION_MS), {
    section,
    description,
    expects: expectsDuration(least),
  });
const flag = (section: string, description: string) =>
  documented(booleanText, { section, description, expects: expectsBoolean });
const path = (section: string, description: string) =>
  documented(z.string(), { section, description, expects: 'the path of a file' });

/**
 * Every key of the environment that our code reads: the one source of the parsed configuration, of
 * `.env.example`, of the table in the README and of `--print-config`.
 *
 * The schemas take the raw text. An empty text counts as not set. `OTEL_*` and `FLAGD_*` keys that are not here
 * go to their libraries as they are.
 */
export const environmentSchema = {
  PORT: port('HTTP', 'Port of the service; 0 takes a free one.').default(8080),
  HOST: documented(z.string().regex(/^[A-Za-z0-9._:%-]{1,255}$/), {
    section: 'HTTP',
    description: 'Address to listen on.',
    expects: 'an IP address or a host name',
    defaultText: 'all (`::`, or `0.0.0.0` where there is no IPv6)',
  }).optional(),
  MANAGEMENT_PORT: port(
    'HTTP',
    'Second port: `/metrics`, `/admin*`, `/livez` and `/readyz` then answer only there.',
  ).optional(),
  TRUST_PROXY: documented(trustProxy(), {
    section: 'HTTP',
    description:
      "Whose `X-Forwarded-For` decides the client's address in the log: `true`, a number of hops, or addresses and CIDRs. With the first two only proxies may reach the port.",
    expects: 'true, false, a number of hops from 0 to 99, or addresses and CIDRs separated by commas',
  }).default(false),
  HTTP_REQUEST_TIMEOUT_MS: duration(
    'HTTP',
    1,
    'Longest a client may take to send a whole request, or to read what it is answered.',
  ).default(10_000),
  HTTP_HEADERS_TIMEOUT_MS: documented(wholeNumber(1, LARGEST_DURATION_MS), {
    section: 'HTTP',
    description: 'Longest a client may take to send the head of a request.',
    expects: expectsDuration(1),
    defaultText: '`10000`, or `HTTP_REQUEST_TIMEOUT_MS` where that is less',
  }).optional(),
  HTTP_KEEP_ALIVE_TIMEOUT_MS: duration(
    'HTTP',
    1,
    'How long an idle connection is kept; longer than the idle timeout of the load balancer in front.',
  ).default(72_000),
  HTTP_BODY_LIMIT_BYTES: documented(wholeNumber(1, 104_857_600), {
    section: 'HTTP',
    description: 'Largest request body.',
    expects: expectsNumber(1, 104_857_600),
  }).default(16_384),
  ENVIRONMENT: documented(z.enum(['local', 'non-prod', 'prod']), {
    section: 'Service',
    description: 'Where the service runs: `local`, `non-prod` or `prod`.',
    expects: 'one of local, non-prod, prod',
  }).default('local'),
  LOG_LEVEL: documented(z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']), {
    section: 'Service',
    description: 'Least level that is logged.',
    expects: 'one of fatal, error, warn, info, debug, trace, silent',
  }).default('info'),
  SHUTDOWN_DRAIN_MS: documented(wholeNumber(0, LARGEST_DURATION_MS), {
    section: 'Service',
    description: 'After the first signal: how long the service goes on serving while readiness already fails.',
    expects: expectsDuration(0),
    defaultText: '`5000`, and `0` where `ENVIRONMENT` is `local`',
  }).optional(),
  SHUTDOWN_TIMEOUT_MS: duration(
    'Service',
    1,
    'After the first signal: when the process ends, whatever is in flight.',
  ).default(25_000),
  ENABLE_METRICS: flag('Flags', 'Default of the flag `metrics_enabled`.').default(false),
  ENABLE_TRACING: flag('Flags', 'Default of the flag `tracing_enabled`.').default(false),
  ADMIN_FLAGS_ENABLED: flag('Flags', 'Whether `/admin/*` exists.').default(false),
  ADMIN_TOKEN: documented(z.string().superRefine(refuse(bearerTokenProblem)), {
    section: 'Flags',
    description: 'Bearer token that `/admin/*` asks for.',
    expects: BEARER_TOKEN,
    secret: true,
  }).optional(),
  ADMIN_TOKEN_FILE: path('Flags', 'File that holds `ADMIN_TOKEN`; read again when it changes.').optional(),
  FLAGD_HOST: documented(z.string().regex(/^[A-Za-z0-9._:-]{1,255}$/), {
    section: 'Flags',
    description: 'Host of flagd. Neither a host nor a file: the defaults hold.',
    expects: 'a host name or an IP address',
  }).optional(),
  FLAGD_PORT: port('Flags', 'Port of flagd for the resolver `rpc`.').default(8013),
  FLAGD_SYNC_PORT: port('Flags', 'Port of flagd for the resolver `in-process`.').default(8015),
  FLAGD_RESOLVER: documented(z.enum(['rpc', 'in-process', 'file']), {
    section: 'Flags',
    description:
      'Where flags are evaluated: by flagd, in this process from a synced copy, or in this process from a file.',
    expects: 'one of rpc, in-process, file',
    defaultText: '`rpc`; `file` when only a file is given',
  }).optional(),
  FLAGD_OFFLINE_FLAG_SOURCE_PATH: path('Flags', 'Flags file for the resolver `file`.').optional(),
  FLAGD_TLS: flag('Flags', 'Whether flagd is asked over TLS.').default(false),
  FLAGD_DEADLINE_MS: duration('Flags', 1, 'Longest a flag evaluation may delay a request.').default(50),
  DATABASE_URL: documented(z.string().superRefine(refuse(databaseUrlProblem)), {
    section: 'Database',
    description: 'Postgres; not set: the service runs without a database.',
    expects: 'postgres://user:password@host:port/database?sslmode=disable|require|verify-ca|verify-full',
    secret: true,
  }).optional(),
  DATABASE_URL_FILE: path(
    'Database',
    'File that holds `DATABASE_URL`; its password is read again when it changes.',
  ).optional(),
  DATABASE_MIGRATE_ON_START: flag('Database', 'Apply pending migrations at start (`ENVIRONMENT=local` only).').default(
    false,
  ),
  DATABASE_POOL_MAX: documented(wholeNumber(1, 1_000), {
    section: 'Database',
    description: 'Most connections of one instance.',
    expects: expectsNumber(1, 1_000),
  }).default(10),
  DATABASE_CONNECT_TIMEOUT_MS: duration('Database', 1, 'Longest wait for a connection.').default(2_000),
  DATABASE_STATEMENT_TIMEOUT_MS: duration(
    'Database',
    1,
    'Longest a statement of the service may run; migrations have no such limit.',
  ).default(5_000),
  DATABASE_LOCK_TIMEOUT_MS: duration(
    'Database',
    1,
    "Longest a migration's statement waits for a table lock before it is tried again.",
  ).default(5_000),
  OTEL_EXPORTER_OTLP_ENDPOINT: documented(z.string().refine(isHttpUrl), {
    section: 'Telemetry',
    description: 'Base URL of an OTLP/HTTP receiver; not set: spans are not exported.',
    expects: 'an http:// or https:// URL without credentials (those go into OTEL_EXPORTER_OTLP_HEADERS)',
  }).optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: documented(z.enum(['http/protobuf']), {
    section: 'Telemetry',
    description: 'The one protocol there is here.',
    expects: 'http/protobuf',
  }).default('http/protobuf'),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: documented(z.enum(['http/protobuf']), {
    section: 'Telemetry',
    description: 'The same for traces alone.',
    expects: 'http/protobuf',
  }).optional(),
  OTEL_SERVICE_NAME: documented(z.string().regex(/^\S{1,128}$/), {
    section: 'Telemetry',
    description: 'Name of the service in logs and traces.',
    expects: '1 to 128 characters without white space',
  }).default('hello-world'),
} satisfies Record<string, z.ZodType>;

export type EnvironmentKey = keyof typeof environmentSchema;

/** The parsed value of each key. */
export type EnvironmentValues = { readonly [K in EnvironmentKey]: z.output<(typeof environmentSchema)[K]> };

export const ENVIRONMENT_KEYS = Object.keys(environmentSchema) as EnvironmentKey[];

/** What the documents say of a key. */
export function documentationOf(key: EnvironmentKey): KeyDocumentation & { readonly default: string } {
  const schema: z.ZodType = environmentSchema[key];
  const inner = schema instanceof z.ZodDefault || schema instanceof z.ZodOptional ? schema.unwrap() : schema;
  const documentation = (inner as z.ZodType).meta()?.['documentation'] as KeyDocumentation;
  const fallback = schema instanceof z.ZodDefault ? String(schema.def.defaultValue) : '';
  return { ...documentation, default: documentation.defaultText ?? fallback };
}
