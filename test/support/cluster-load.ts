import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Namespace, Pod } from './cluster.js';
import { clusterImages, imageReference } from './cluster-images.js';
import { NAMESPACE_OF_TESTS, restrictedPod } from './cluster-neighbours.js';
import { eventually } from './eventually.js';

const SCRIPT = join(import.meta.dirname, '../cluster/load/load.mjs');
/** Its open requests may take 15 s. */
const END_MS = 60_000;

/** What load.mjs reports. */
export interface LoadReport {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly { readonly id: string; readonly at: string; readonly failure: string }[];
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface LoadOptions {
  /** Name of the pod, and first part of the ids of its requests: at most 8 characters. */
  readonly name?: string;
  readonly url: string;
  /** Requests a second. */
  readonly rate?: number;
  /** More labels of its pod, as network policies want them. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Label of every pod that sends load. */
const LOAD_LABELS = { client: 'load' };

/** Values of the chart that let it in. */
export const LOAD_VALUES = {
  networkPolicy: {
    ingress: { clients: [{ namespaceSelector: NAMESPACE_OF_TESTS, podSelector: { matchLabels: LOAD_LABELS } }] },
  },
};

/** Requests from a pod inside of the cluster, at a fixed rate, from `start` and a first answer to `stop`. */
export class Load {
  private constructor(
    private readonly namespace: Namespace,
    private readonly name: string,
  ) {}

  static async start(namespace: Namespace, options: LoadOptions): Promise<Load> {
    const { name = 'load', url, rate = 50, labels = {} } = options;
    const load = new Load(namespace, name);
    await namespace.apply(
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name },
        data: { 'load.mjs': readFileSync(SCRIPT, 'utf8') },
      },
      restrictedPod(
        name,
        {
          image: imageReference(clusterImages().service),
          args: ['/load/load.mjs'],
          env: Object.entries({ URL: url, RATE: String(rate), RUN: name }).map(([key, value]) => ({
            name: key,
            value,
          })),
          volumeMounts: [{ name: 'load', mountPath: '/load' }],
        },
        { labels: { app: name, ...LOAD_LABELS, ...labels }, volumes: [{ name: 'load', configMap: { name } }] },
      ),
    );
    await namespace.kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=120s']);
    await eventually('a first request is answered', async () =>
      (await namespace.kubectl(['logs', name])).includes('started'),
    );
    return load;
  }

  /** Ends it in order. @returns what it has seen */
  async stop(): Promise<LoadReport> {
    // Its container may end before the command does.
    await this.namespace.tryKubectl([
      'exec',
      this.name,
      '--',
      '/usr/local/bin/node',
      '-e',
      "process.kill(1, 'SIGTERM')",
    ]);
    await eventually(
      'the load reports',
      async () => {
        const [pod] = await this.namespace.get<Pod>('pod', this.name);
        return pod?.status.phase === 'Succeeded' || pod?.status.phase === 'Failed';
      },
      END_MS,
    );
    const lines = (await this.namespace.kubectl(['logs', this.name])).trim().split('\n');
    await this.namespace.kubectl(['delete', `pod/${this.name}`, `configmap/${this.name}`]);
    return JSON.parse(lines.at(-1) ?? '') as LoadReport;
  }
}
