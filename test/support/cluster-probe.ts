import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubectl, type Namespace, type Pod } from './cluster.js';
import { clusterImages, imageReference } from './cluster-images.js';
import { restrictedPod } from './cluster-neighbours.js';

const SCRIPT = readFileSync(join(import.meta.dirname, '../cluster/probe/probe.mjs'), 'utf8');
/** Where the service's image has it. */
const NODE = '/usr/local/bin/node';

/** Accepts connections to the ports in its arguments, and says nothing. */
const LISTENER = `
for (const port of process.argv.slice(1)) require('node:net').createServer((socket) => socket.end()).listen(port);
`;

/** What is tried, as probe.mjs has it, by a name of one's own. */
export type Targets = Readonly<Record<string, string>>;
export type Reached = 'open' | 'closed' | (string & {});

/** Starts pods that accept connections to `ports`, and from which one can probe. */
export async function startListeners(
  namespace: Namespace,
  labelsByName: Readonly<Record<string, Readonly<Record<string, string>>>>,
  ports: readonly number[],
): Promise<void> {
  const image = imageReference(clusterImages().service);
  const readinessProbe = { tcpSocket: { port: ports[0] }, periodSeconds: 1 };
  const container = { image, args: ['-e', LISTENER, ...ports.map(String)], readinessProbe };
  const pods = Object.entries(labelsByName).map(([name, labels]) => restrictedPod(name, container, { labels }));
  await namespace.apply(...pods);
  const names = Object.keys(labelsByName).map((name) => `pod/${name}`);
  await namespace.kubectl(['wait', '--for=condition=Ready', ...names, '--timeout=120s']);
}

/** The address of a pod. */
export async function addressOf(namespace: Namespace, pod: string): Promise<string> {
  const [found] = await namespace.get<Pod>('pod', pod);
  const address = found?.status.podIP;
  if (address === undefined) throw new Error(`the pod ${pod} has no address`);
  return address;
}

/** The address of a Service, which needs no DNS. */
export async function serviceAddress(namespace: string, name: string): Promise<string> {
  return kubectl(['--namespace', namespace, 'get', 'service', name, '--output=jsonpath={.spec.clusterIP}']);
}

/**
 * Tries each target from inside of a pod that runs on the service's image.
 *
 * @returns by the target's name: `open`, `closed` (refused, or no answer), or another error
 */
export async function probe(namespace: Namespace, pod: string, targets: Targets): Promise<Record<string, Reached>> {
  const args = Object.entries(targets).map(([name, target]) => `${name}=${target}`);
  const node = [NODE, '--input-type=module', '--eval', SCRIPT, '--', ...args];
  return JSON.parse(await namespace.kubectl(['exec', pod, '--', ...node])) as Record<string, Reached>;
}

/**
 * Runs a script (an ES module, with its arguments in `process.argv`) in a pod that runs on the service's image.
 *
 * @returns what it wrote to its standard output
 */
export async function runIn(namespace: Namespace, pod: string, script: string, ...args: string[]): Promise<string> {
  const node = [NODE, '--input-type=module', '--eval', script, '--', ...args];
  return (await namespace.kubectl(['exec', pod, '--', ...node])).trim();
}

/** What a pod that runs on the service's image gets from `url`: status and text. */
export async function fetchFrom(namespace: Namespace, pod: string, url: string): Promise<string> {
  const script = 'const answer = await fetch(process.argv[1]); console.log(answer.status, await answer.text());';
  return runIn(namespace, pod, script, url);
}
