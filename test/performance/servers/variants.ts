import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { COMPILED } from './compile.ts';
import type { ServerSpec } from './server-process.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

/** What all others are compared with. */
export const REFERENCE = 'bare-fastify';

/** A server of the bench. */
export interface Variant {
  /** For people. */
  readonly what: string;
  /** Its spans go to a receiver: `all` of them must arrive, or `some`, as they come. */
  readonly spans: 'none' | 'some' | 'all';
  spec(surroundings: Surroundings): ServerSpec;
}

/** What a variant is started with. */
export interface Surroundings {
  readonly databaseUrl: string;
  /** Of the receiver of spans. */
  readonly otlpEndpoint?: string;
  readonly logs: 'pipe' | 'ignore';
}

/** An answer that depends on the request: none of it can be kept. */
const TARGETED = {
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting: { if: [{ '==': [{ var: 'route' }, '/'] }, 'on', 'off'] },
};

export const VARIANTS: Readonly<Record<string, Variant>> = {
  [REFERENCE]: reference('bare Fastify', 'bare-fastify'),
  'bare-nest': reference('bare Nest on Fastify', 'bare-nest'),
  usual: usual('the usual packages, traced', true),
  'usual-untraced': usual('the usual packages, without traces', false),
  everything: ours('everything on, tracing flag off', () => 'deploy/flags/flags.flagd.json'),
  traced: ours('every request traced and exported', () => flagsFile('traced', flag('on'), flag('on')), 'all'),
  targeted: ours('a targeted flag at each request', () => flagsFile('targeted', TARGETED, flag('off'))),
  off: ours('metrics and tracing flags off', () => flagsFile('off', flag('off'), flag('off'))),
};

/** The service with nothing configured, as `npm run start:prod` starts it. */
export const PLAIN: Variant = {
  what: 'nothing configured',
  spans: 'none',
  spec: ({ logs }) => ({ name: 'plain', command: serviceCommand(), env: LOOPBACK, path: '/', output: logs }),
};

/** A server that is not of this project; its command may hold `{port}`. */
export function peer(name: string, command: string, path: string): Variant {
  return {
    what: `${name} (peer)`,
    spans: 'none',
    spec: () => ({ name, command, env: {}, path, output: 'pipe' }),
  };
}

const LOOPBACK = { HOST: '127.0.0.1' };

/** All of it, as `npm start` sets it. */
function ours(what: string, flags: () => string, spans: Variant['spans'] = 'none'): Variant {
  return {
    what,
    spans,
    spec: ({ databaseUrl, otlpEndpoint, logs }) => ({
      name: what,
      command: serviceCommand(),
      env: {
        ...LOOPBACK,
        ENVIRONMENT: 'local',
        DATABASE_URL: databaseUrl,
        DATABASE_MIGRATE_ON_START: 'true',
        ENABLE_METRICS: 'true',
        ADMIN_FLAGS_ENABLED: 'true',
        FLAGD_RESOLVER: 'file',
        FLAGD_OFFLINE_FLAG_SOURCE_PATH: flags(),
        ...(otlpEndpoint !== undefined && { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint }),
      },
      path: '/',
      output: logs,
    }),
  };
}

function reference(what: string, file: string): Variant {
  return {
    what,
    spans: 'none',
    spec: () => ({ name: what, command: [`${COMPILED}/references/${file}.js`], env: {}, path: '/', output: 'pipe' }),
  };
}

function usual(what: string, traced: boolean): Variant {
  const tracing = traced ? ['--import', `./${COMPILED}/usual/tracing.js`] : [];
  return {
    what,
    spans: traced ? 'some' : 'none',
    spec: ({ otlpEndpoint, logs }) => ({
      name: what,
      command: [...tracing, `${COMPILED}/usual/main.js`],
      env: {
        FLAGD_OFFLINE_FLAG_SOURCE_PATH: 'deploy/flags/flags.flagd.json',
        OTEL_SERVICE_NAME: 'usual',
        ...(otlpEndpoint !== undefined && { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint }),
      },
      path: '/',
      output: logs,
    }),
  };
}

/** What `npm run start:prod` gives to Node. */
function serviceCommand(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly scripts: Readonly<Record<string, string>>;
  };
  const [, args] = /^exec node (.+)$/.exec(scripts['start:prod'] ?? '') ?? [];
  if (args === undefined) throw new Error('the script start:prod of package.json is no longer `exec node …`');
  return args.split(' ');
}

function flag(variant: 'on' | 'off'): object {
  return { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: variant };
}

/** @returns the name of a flags file that holds these two */
function flagsFile(name: string, metrics: object, tracing: object): string {
  const file = `${COMPILED}/flags/${name}.flagd.json`;
  mkdirSync(join(ROOT, COMPILED, 'flags'), { recursive: true });
  writeFileSync(join(ROOT, file), JSON.stringify({ flags: { metrics_enabled: metrics, tracing_enabled: tracing } }));
  return file;
}
