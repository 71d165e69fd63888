/**
 * Whether the container is well, for its HEALTHCHECK: whether the process answers at /livez. Not /readyz: who acts on
 * this word replaces the container (Swarm, autoheal), and a new one helps no database. Who waits for readiness asks for
 * it: `healthcheck.mjs /readyz`.
 *
 * A program of its own, which starts twice a minute beside the service within the container's memory: it loads nothing
 * but Node's own http, so it reads the three keys itself.
 */
import { get } from 'node:http';

const TIMEOUT_MS = 5_000;

/** @param {'HOST' | 'PORT' | 'MANAGEMENT_PORT'} key read as the service reads it: blanks around a value are none of it */
// oxlint-disable-next-line node/no-process-env -- see above
const setting = (key) => process.env[key]?.trim() || undefined;

const [path = '/livez'] = process.argv.slice(2);
const HOST = setting('HOST');
// Every address includes this one, also where the service listens on the unspecified address of IPv6 only.
const host = !HOST || HOST === '0.0.0.0' || HOST === '::' ? '127.0.0.1' : HOST;
const url = { host, port: setting('MANAGEMENT_PORT') ?? setting('PORT') ?? '8080', path };

if (Number(url.port) === 0) {
  unwell('the service takes a free one, which this check cannot know: give PORT, or MANAGEMENT_PORT if set, a number');
} else {
  get({ ...url, signal: AbortSignal.timeout(TIMEOUT_MS) }, (response) => {
    response.resume();
    if (response.statusCode !== 200) unwell(`answered ${response.statusCode}`);
  }).on('error', (error) => unwell(error.message));
}

/** @param {string} why shown by `docker inspect` */
function unwell(why) {
  console.error(`${url.path} on port ${url.port}: ${why}`);
  process.exitCode = 1;
}
