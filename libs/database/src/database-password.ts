import { type DatabaseUrl, differOnlyInPassword, parseDatabaseUrl, type SecretValue } from '#libs/config';

/**
 * The password as it is now: `pg` asks for it at each new connection, so one that was rotated in a `DATABASE_URL_FILE`
 * holds from the next connection on. A file that has become another server's, or unreadable, keeps the last password.
 *
 * @throws DatabaseUrlError when the URL cannot be used now.
 */
export function createPasswordReader(url: SecretValue): () => string {
  const initial = parseDatabaseUrl(url.reveal());
  let last = initial.password;
  return () => {
    const current = readOrUndefined(url);
    if (current !== undefined && differOnlyInPassword(initial, current)) last = current.password;
    return last;
  };
}

/**
 * Calls the listener, once, when the file of the URL says something a running process cannot take over: anything but
 * another password.
 *
 * @returns what ends the watch.
 */
export function onNeededRestart(url: SecretValue, listener: () => void): () => void {
  const initial = parseDatabaseUrl(url.reveal());
  const stop = url.onChange(() => {
    const current = readOrUndefined(url);
    if (current !== undefined && differOnlyInPassword(initial, current)) return;
    stop();
    listener();
  });
  return stop;
}

function readOrUndefined(url: SecretValue): DatabaseUrl | undefined {
  try {
    return parseDatabaseUrl(url.reveal());
  } catch {
    return undefined;
  }
}
