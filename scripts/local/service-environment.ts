import { freePort, whyNotListen } from './ports.ts';
import { StartError } from './start-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a local run sets unless it is set from outside. */
const LOCAL_DEFAULTS: Environment = {
  PORT: '8080',
  ENVIRONMENT: 'local',
  DATABASE_MIGRATE_ON_START: 'true',
  ENABLE_METRICS: 'true',
  ADMIN_FLAGS_ENABLED: 'true',
};

const LOCAL_FLAGS: Environment = {
  FLAGD_RESOLVER: 'file',
  FLAGD_OFFLINE_FLAG_SOURCE_PATH: 'deploy/flags/flags.flagd.json',
};

const PORTS = ['PORT', 'MANAGEMENT_PORT'] as const;

/** Whether a Postgres is given from outside, so that none is to be started. */
export function hasDatabase(outside: Environment): boolean {
  return Boolean(outside['DATABASE_URL'] || outside['DATABASE_URL_FILE']);
}

/** The environment of the service, except for the database. */
export async function serviceEnvironment(outside: Environment): Promise<Environment> {
  const given = withoutEmpty(outside);
  // A flagd of one's own, or another way to ask it, is a choice as a whole.
  const flags = given['FLAGD_HOST'] || given['FLAGD_RESOLVER'] ? {} : LOCAL_FLAGS;
  const environment: Record<string, string | undefined> = { ...LOCAL_DEFAULTS, ...flags, ...given };
  // The ports must be known here, to ask for readiness and to say where to look.
  for (const key of PORTS) if (/^0+$/.test(environment[key] ?? '')) environment[key] = String(await freePort());
  return environment;
}

/**
 * Finds out about a taken port before anything heavy is done. What is no port at all is for the service to refuse.
 *
 * @throws StartError
 */
export async function ensurePortsAreFree(environment: Environment): Promise<void> {
  for (const key of PORTS) {
    const port = Number(environment[key]);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) continue;
    const reason = await whyNotListen(port, environment['HOST']);
    if (reason === 'EADDRINUSE') {
      throw new StartError(`Port ${port} is taken by another program: end that, or choose another port with ${key}.`);
    }
    if (reason === 'EACCES') {
      throw new StartError(`This user may not listen on port ${port}: choose one above 1023 with ${key}.`);
    }
  }
}

/** What to try in a browser; probes, metrics and admin are on the management port where there is one. */
export function addresses(environment: Environment): { readonly readiness: string; readonly toTry: readonly string[] } {
  const host = environment['HOST'];
  const isEverywhere = host === undefined || host === '::' || host === '0.0.0.0';
  const management = environment['MANAGEMENT_PORT'] ?? environment['PORT'];
  const shown = isEverywhere ? 'localhost' : host;
  return {
    readiness: `${at(isEverywhere ? '127.0.0.1' : host, management)}/readyz`,
    toTry: [
      `${at(shown, environment['PORT'])}/`,
      ...['/readyz', '/metrics', '/admin/flags'].map((path) => at(shown, management) + path),
    ],
  };
}

function at(name: string, port: string | undefined): string {
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** An empty value counts as none and blanks around one do not count, as in the service. */
function withoutEmpty(outside: Environment): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(outside)
      .map(([key, value]) => [key, value?.trim()] as const)
      .filter(([, value]) => value !== ''),
  );
}
