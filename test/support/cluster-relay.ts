import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Namespace } from './cluster.js';
import { clusterImages, imageReference } from './cluster-images.js';
import { restrictedPod } from './cluster-neighbours.js';
import { eventually } from './eventually.js';

const SCRIPT = readFileSync(join(import.meta.dirname, '../platform/relay/relay.mjs'), 'utf8');
const NAME = 'relay';
const NODE = '/usr/local/bin/node';

/** What the pod tells of one of its connections, and is told. */
interface Message {
  readonly id?: number;
  readonly listening?: number;
  /** A new one, to this port. */
  readonly port?: number;
  /** In base64. */
  readonly data?: string;
  /** There will be no more data. */
  readonly end?: boolean;
  readonly closed?: boolean;
}

/**
 * Lets pods reach servers of this machine, which may be in a network of its own: a pod listens in their place, and each
 * connection goes through `kubectl exec` to the server's port on localhost.
 */
export class Relay {
  private readonly sockets = new Map<number, Socket>();
  private readonly listening = new Set<number>();
  private readonly pod: ChildProcessWithoutNullStreams;
  private complaints = '';

  private constructor(
    namespace: Namespace,
    /** Its name in the cluster. */
    readonly host: string,
    ports: readonly number[],
  ) {
    const node = [NODE, '--input-type=module', '--eval', SCRIPT, '--', ...ports.map(String)];
    this.pod = spawn('kubectl', ['--namespace', namespace.name, 'exec', '--stdin', NAME, '--', ...node]);
    this.pod.stdin.on('error', () => {}); // It has ended, and tests see why.
    this.pod.stderr.on('data', (chunk) => (this.complaints += String(chunk)));
    createInterface({ input: this.pod.stdout }).on('line', (line) => this.hear(JSON.parse(line) as Message));
  }

  /** @param ports of servers on localhost; their names in the cluster have the same */
  static async start(namespace: Namespace, ports: readonly number[]): Promise<Relay> {
    const idle = restrictedPod(NAME, {
      image: imageReference(clusterImages().service),
      args: ['-e', 'setInterval(() => {}, 60_000)'],
    });
    const selector = { app: NAME };
    const service = { selector, ports: ports.map((port) => ({ name: `port-${port}`, port })) };
    await namespace.apply(idle, { apiVersion: 'v1', kind: 'Service', metadata: { name: NAME }, spec: service });
    await namespace.kubectl(['wait', '--for=condition=Ready', `pod/${NAME}`, '--timeout=120s']);
    const relay = new Relay(namespace, `${NAME}.${namespace.name}.svc.cluster.local`, ports);
    await eventually('the relay listens', () => {
      if (relay.pod.exitCode !== null) throw new Error(`the relay has ended: ${relay.complaints}`);
      return ports.every((port) => relay.listening.has(port));
    });
    return relay;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets.values()) socket.destroy();
    if (this.pod.exitCode !== null) return;
    const closed = once(this.pod, 'close');
    this.pod.kill();
    await closed;
  }

  private hear({ id, listening, port, data, end, closed }: Message): void {
    if (listening !== undefined) this.listening.add(listening);
    if (id === undefined) return;
    if (port !== undefined) this.connect(id, port);
    const socket = this.sockets.get(id);
    if (data !== undefined) socket?.write(Buffer.from(data, 'base64'));
    if (end === true) socket?.end();
    if (closed === true) socket?.destroy();
  }

  private connect(id: number, port: number): void {
    const socket = connect({ host: 'localhost', port, allowHalfOpen: true });
    this.sockets.set(id, socket);
    socket.on('data', (chunk) => this.tell({ id, data: chunk.toString('base64') }));
    socket.once('end', () => this.tell({ id, end: true }));
    socket.once('error', () => {}); // `close` follows.
    socket.once('close', () => {
      this.sockets.delete(id);
      this.tell({ id, closed: true });
    });
  }

  private tell(message: Message): void {
    this.pod.stdin.write(`${JSON.stringify(message)}\n`);
  }
}
