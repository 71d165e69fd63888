/** A password of the database that is rotated, as Postgres and the service's pods see it. */
import type { Namespace } from './cluster.js';
import { databaseUrl, sql } from './cluster-neighbours.js';
import { runIn } from './cluster-probe.js';
import { eventually } from './eventually.js';

const MOUNTED = '/run/secrets/database/url';

/** Runs in a pod, until a file has a text: path, text. A node takes a minute to bring a Secret. */
const AWAIT_TEXT = `
import { readFileSync } from 'node:fs';
const [path, text] = process.argv.slice(1);
const deadline = Date.now() + 240_000;
while (!readFileSync(path, 'utf8').includes(text)) {
  if (Date.now() > deadline) throw new Error(path + ' does not have it');
  await new Promise((resolve) => setTimeout(resolve, 100));
}`;

/** Connections of the service, not of a migration or a person. */
const OF_SERVICE = `pg_stat_activity WHERE application_name = 'hello-world'`;

/** Waits until the file with the database's URL in a pod of the service has a password. */
export async function passwordIsMounted(namespace: Namespace, pod: string, password: string): Promise<void> {
  await runIn(namespace, pod, AWAIT_TEXT, MOUNTED, password);
}

/** What Postgres says to somebody who comes with this password, by the network: there it asks for one. */
export async function logIn(namespace: Namespace, user: string, password: string): Promise<'accepted' | 'refused'> {
  const login = ['psql', databaseUrl(password, user), '--command', 'SELECT 1'];
  const { ok, stderr } = await namespace.tryKubectl(['exec', 'deployment/postgres', '--', ...login]);
  if (!ok && !stderr.includes('password authentication failed')) throw new Error(stderr);
  return ok ? 'accepted' : 'refused';
}

/** Ends the connections of the service's pods, but not under a query, and waits until so many pods have new ones. */
export async function podsConnectAnew(namespace: Namespace, pods: number): Promise<void> {
  const since = await sql(namespace, 'SELECT clock_timestamp()');
  const end = `SELECT pg_terminate_backend(pid) FROM ${OF_SERVICE} AND state = 'idle' AND backend_start < '${since}'`;
  const connected = `SELECT count(DISTINCT client_addr) FROM ${OF_SERVICE} AND backend_start > '${since}'`;
  const anew = async () => {
    await sql(namespace, end);
    return Number(await sql(namespace, connected)) === pods;
  };
  await eventually('pods connect anew', anew, 60_000);
}
