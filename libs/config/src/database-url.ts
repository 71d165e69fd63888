import type { TlsOptions } from 'node:tls';
import { type ConnectionOptions, parse } from 'pg-connection-string';
import { DatabaseUrlError } from './database-url.error.js';

const DEFAULT_HOST = 'localhost';
const DEFAULT_PORT = 5432;

/** `prefer` and `allow` are left out on purpose: they fall back to plain text without a word. */
const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'];
const SSL_CHOICES = `sslmode must be one of ${SSL_MODES.join(', ')}, or be left out for a connection without TLS`;

const NOT_A_URL = 'is not a valid URL (is the password percent-encoded?)';

/** What a `postgres://` URL says. */
export interface DatabaseUrl {
  /** Host name, address, or the folder of a Unix socket (`?host=/var/run/postgresql`). */
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string;
  readonly database: string | undefined;
  readonly ssl: boolean | TlsOptions;
  /** Further parameters that are passed on: those of the session, and how TLS is begun. */
  readonly parameters: Readonly<Record<string, string | boolean>>;
}

/**
 * Reads a URL as libpq does (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING):
 *
 * | `sslmode` | connection |
 * | --- | --- |
 * | left out, `disable` | plain text |
 * | `require` | encrypted, any certificate; with `sslrootcert` as `verify-ca` |
 * | `verify-ca` | encrypted, certificate signed by `sslrootcert` |
 * | `verify-full` | the same and the host name matches; without `sslrootcert` by the authorities Node knows |
 *
 * It differs from libpq where that one is lax: without `sslmode` there is no attempt at TLS, and `prefer` and
 * `allow` are refused. Of the other parameters `options`, `client_encoding`, `sslnegotiation`, `sslcert`, `sslkey` and
 * `channel_binding` count; timeouts and the application's name come from the configuration alone.
 *
 * @throws DatabaseUrlError which shows no part of the URL.
 */
export function parseDatabaseUrl(url: string): DatabaseUrl {
  if (!/^postgres(ql)?:\/\//i.test(url)) throw new DatabaseUrlError('must begin with postgres:// or postgresql://');
  // The library guesses here, and then gets other escapes of the same URL wrong; libpq refuses it as well.
  if (/\s|%(?![\da-f]{2})/i.test(url)) throw new DatabaseUrlError(NOT_A_URL);
  checkTlsParameters(queryOf(url));
  const parsed = parseLikeLibpq(url);
  return {
    host: parsed.host || DEFAULT_HOST,
    port: parsePort(parsed.port),
    user: parsed.user || undefined,
    password: parsed.password ?? '',
    database: parsed.database || undefined,
    ssl: (parsed.ssl as boolean | TlsOptions | undefined) ?? false,
    parameters: passedOn(parsed),
  };
}

/** What is wrong with a URL, worded to follow the name of its key; `undefined`: nothing. */
export function databaseUrlProblem(url: string): string | undefined {
  try {
    parseDatabaseUrl(url);
    return undefined;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return error.problem;
    throw error;
  }
}

/** Whether two URLs lead to the same place as the same user: whether at most the password differs. */
export function differOnlyInPassword(one: DatabaseUrl, other: DatabaseUrl): boolean {
  return JSON.stringify({ ...one, password: '' }) === JSON.stringify({ ...other, password: '' });
}

function queryOf(url: string): URLSearchParams {
  const withoutFragment = url.split('#', 1)[0] ?? '';
  const start = withoutFragment.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : withoutFragment.slice(start + 1));
}

/** What the library would take in another sense than libpq, or refuse with the whole URL at hand. */
function checkTlsParameters(query: URLSearchParams): void {
  const modes = query.getAll('sslmode');
  if (modes.length > 1) throw new DatabaseUrlError('has more than one sslmode');
  const mode = modes[0];
  if (mode !== undefined && !SSL_MODES.includes(mode)) {
    throw new DatabaseUrlError(`has an sslmode that is not supported: ${SSL_CHOICES}`);
  }
  if (query.has('ssl') || query.has('uselibpqcompat')) {
    throw new DatabaseUrlError(`has a parameter of one driver only (ssl, uselibpqcompat): ${SSL_CHOICES}`);
  }
  if (mode === 'verify-ca' && !query.get('sslrootcert')) {
    throw new DatabaseUrlError('has sslmode=verify-ca without sslrootcert, the file of the authority to trust');
  }
}

function parseLikeLibpq(url: string): ConnectionOptions {
  try {
    return parse(url, { useLibpqCompat: true });
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    // The error is not kept as the cause: that of a malformed URL holds the URL.
    if (path === undefined) throw new DatabaseUrlError(NOT_A_URL);
    throw new DatabaseUrlError(`has an sslrootcert, sslcert or sslkey that cannot be read (${code})`);
  }
}

function parsePort(text: string | null | undefined): number {
  if (!text) return DEFAULT_PORT;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new DatabaseUrlError('has a port that is none');
  return port;
}

function passedOn(parsed: ConnectionOptions): DatabaseUrl['parameters'] {
  const parameters: Record<string, string | boolean> = {};
  if (parsed.options) parameters['options'] = parsed.options;
  if (parsed.client_encoding) parameters['client_encoding'] = parsed.client_encoding;
  if (parsed.sslnegotiation) parameters['sslnegotiation'] = parsed.sslnegotiation;
  if (parsed['channel_binding'] === 'require') parameters['enableChannelBinding'] = true;
  return parameters;
}
