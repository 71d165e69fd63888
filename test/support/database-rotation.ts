/** What a rotation of the database's password looks like from outside of the service. */
import { type Following, followKubectl, type Namespace, servicePods } from './cluster.js';
import { DATABASE, databaseUrl, sql } from './cluster-neighbours.js';

const NODE = '/usr/local/bin/node';
/** Of the container. */
const PRINT_FILE = "process.stdout.write(require('node:fs').readFileSync(process.env.DATABASE_URL_FILE, 'utf8'))";
const READINESS =
  '{.metadata.name}{"\\t"}{.status.conditions[?(@.type=="Ready")].status}{"\\t"}{.status.containerStatuses[0].restartCount}{"\\n"}';

/** The database's URL in each pod of the service, as its file has it now. */
export async function mountedUrls(namespace: Namespace): Promise<string[]> {
  const pods = await namespace.readyPods();
  return Promise.all(
    pods.map(async ({ metadata }) => namespace.kubectl(['exec', metadata.name, '--', NODE, '--eval', PRINT_FILE])),
  );
}

/** What Postgres says to somebody who comes with this password, over the network. */
export async function loginAs(namespace: Namespace, user: string, password: string): Promise<'accepted' | 'refused'> {
  const login = ['psql', databaseUrl(password, user), '--command', 'SELECT 1'];
  const { ok, stderr } = await namespace.tryKubectl(['exec', 'deployment/postgres', '--', ...login]);
  if (!ok && !stderr.includes('password authentication failed')) throw new Error(stderr);
  return ok ? 'accepted' : 'refused';
}

/** When connections of a user to the database were made, in seconds since the epoch. */
export async function connectedAt(namespace: Namespace, user: string): Promise<number[]> {
  const rows = await sql(
    namespace,
    `SELECT extract(epoch FROM backend_start) FROM pg_stat_activity
     WHERE usename = '${user}' AND datname = '${DATABASE.name}' AND application_name <> 'psql'`,
  );
  return rows.split('\n').filter(Boolean).map(Number);
}

/** Ends the connections of a user that nobody uses at the moment, so that new ones are made. */
export async function endIdleConnections(namespace: Namespace, user: string): Promise<void> {
  await sql(
    namespace,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${user}' AND state = 'idle'`,
  );
}

/** Writes down each moment in which a pod of the service was not ready, or had been started again; from `start` to `stop`. */
export class ReadinessWatch {
  private readonly found: string[] = [];
  private readonly watch: Following;

  constructor(namespace: Namespace) {
    const pods = ['get', 'pods', '--selector', servicePods(), '--watch', `--output=jsonpath=${READINESS}`];
    this.watch = followKubectl(['--namespace', namespace.name, ...pods], (line) => {
      const [pod, ready, restarts] = line.split('\t');
      if (ready !== 'True' || restarts !== '0') this.found.push(`${pod}: ready ${ready}, ${restarts} restarts`);
    });
  }

  /** @returns what it wrote down */
  async stop(): Promise<readonly string[]> {
    await this.watch.stop();
    return this.found;
  }
}
