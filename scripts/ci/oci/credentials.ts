import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string }>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/**
 * What `docker login` has kept for a registry, as `user:password`; `undefined` where nobody logged in.
 *
 * @see https://github.com/docker/docker-credential-helpers
 */
export function credentialsOf(host: string): string | undefined {
  const config = readConfig();
  const helper = config.credHelpers?.[host] ?? config.credsStore;
  if (helper !== undefined) {
    const fromHelper = askHelper(helper, host);
    if (fromHelper !== undefined) return fromHelper;
  }
  const auth = config.auths?.[host]?.auth;
  return auth === undefined || auth === '' ? undefined : Buffer.from(auth, 'base64').toString('utf8');
}

function readConfig(): DockerConfig {
  const folder = process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');
  try {
    return JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as DockerConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

/** A helper ends with 1 where it knows nothing of the registry. */
function askHelper(helper: string, host: string): string | undefined {
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = {
      input: host,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    };
    const answer = JSON.parse(execFileSync(`docker-credential-${helper}`, ['get'], options)) as {
      readonly Username: string;
      readonly Secret: string;
    };
    return `${answer.Username}:${answer.Secret}`;
  } catch {
    return undefined;
  }
}
