import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/local/ports.ts';
import { hasImage } from './docker.js';
import { guardFolder } from './guard.js';
import { answers, startProcess, type TestProcess } from './process.js';
import { whyNoTool } from './tools.js';

/** One series of an answer: a sample a step of a range, or the only one of an instant. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly { readonly time: number; readonly value: number }[];
}

export interface PrometheusOptions {
  /** The text of its configuration. What it names by relative paths is in `files`. */
  readonly config: string;
  /** Further files beside the configuration, by name: rules. */
  readonly files?: Readonly<Record<string, string>>;
  /** Further arguments, such as `--enable-feature=exemplar-storage`. */
  readonly args?: readonly string[];
}

/** A span of time, in seconds since the epoch. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly stepSeconds: number;
}

interface ApiAnswer {
  readonly status: 'success' | 'error';
  readonly error?: string;
  readonly data: unknown;
}

interface ApiSeries {
  readonly metric: Record<string, string>;
  readonly value?: [number, string];
  readonly values?: [number, string][];
}

const ANSWER_TIMEOUT_MS = 30_000;

/** Why no Prometheus runs here; `undefined` when one does: the program, or its image where `PROMETHEUS_TAG` names one. */
export function whyNoPrometheus(): string | undefined {
  const noTool = whyNoTool('prometheus');
  if (noTool === undefined) return undefined;
  const tag = process.env['PROMETHEUS_TAG'];
  if (tag === undefined) return `${noTool}, and PROMETHEUS_TAG is not set`;
  return hasImage(imageOf(tag)) ? undefined : `no container engine has the image ${imageOf(tag)}`;
}

/** A real Prometheus with data of its own, on a free port of the loopback address. */
export class PrometheusServer {
  private constructor(
    readonly url: string,
    private readonly child: TestProcess,
    private readonly folder: string,
    private readonly dismissGuard: () => void,
  ) {}

  /**
   * Starts it and waits until it answers.
   *
   * @throws when it ends before, with its log: a configuration or a rule that is wrong
   */
  static async start({ config, files = {}, args = [] }: PrometheusOptions): Promise<PrometheusServer> {
    const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
    const dismissGuard = guardFolder(folder);
    for (const [name, text] of Object.entries({ 'prometheus.yml': config, ...files }))
      await writeFile(join(folder, name), text);
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const child = startServer(folder, [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      ...args,
    ]);
    const server = new PrometheusServer(url, child, folder, dismissGuard);
    const ended = child.exit.then(() => Promise.reject(new Error(`Prometheus ended:\n${child.stderr()}`)));
    ended.catch(() => {}); // In the end it does.
    try {
      await Promise.race([answers(`${url}/-/ready`), ended]);
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** @throws when the expression is wrong, with what Prometheus says */
  async query(expression: string): Promise<Series[]> {
    return toSeries(await this.get('query', { query: expression }));
  }

  /** @throws when the expression is wrong, with what Prometheus says */
  async queryRange(expression: string, { start, end, stepSeconds }: Range): Promise<Series[]> {
    const range = { start: String(start), end: String(end), step: String(stepSeconds) };
    return toSeries(await this.get('query_range', { query: expression, ...range }));
  }

  /**
   * Asks an endpoint of the HTTP API.
   *
   * @param path below `/api/v1/`
   * @throws when it answers with an error
   */
  async get(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<unknown> {
    const url = `${this.url}/api/v1/${path}?${String(new URLSearchParams(parameters))}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    const { status, error, data } = (await response.json()) as ApiAnswer;
    if (status === 'error') throw new Error(`${error}: ${path} ${JSON.stringify(parameters)}`);
    return data;
  }

  /** Ends it and removes its data: for `afterAll`. */
  async stop(): Promise<void> {
    this.child.kill();
    await this.child.exit;
    await rm(this.folder, { recursive: true, force: true });
    this.dismissGuard();
  }
}

function imageOf(tag: string): string {
  return `prom/prometheus:${tag}`;
}

/** The container shares our network, which it scrapes, and our user, so that the folder can be removed. */
function startServer(folder: string, args: readonly string[]): TestProcess {
  if (whyNoTool('prometheus') === undefined) return startProcess('prometheus', args);
  const image = imageOf(process.env['PROMETHEUS_TAG'] ?? '');
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const options = ['--rm', '--network', 'host', '--user', user, '--volume', `${folder}:${folder}`];
  return startProcess('docker', ['run', ...options, image, ...args]);
}

function toSeries(data: unknown): Series[] {
  const { resultType, result } = data as { resultType: string; result: ApiSeries[] | [number, string] };
  if (resultType === 'scalar') return [{ labels: {}, samples: [toSample(result as [number, string])] }];
  return (result as ApiSeries[]).map(({ metric, value, values }) => ({
    labels: metric,
    samples: (values ?? (value === undefined ? [] : [value])).map(toSample),
  }));
}

function toSample([time, text]: [number, string]): Series['samples'][number] {
  return { time, value: Number(text.replace('Inf', 'Infinity')) };
}
