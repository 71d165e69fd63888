import { followKubectl, type Namespace, servicePods } from './cluster.js';
import { eventually } from './eventually.js';

/** Readiness of the pod, and restarts of its containers. */
const STATE = '{.status.conditions[?(@.type=="Ready")].status} {.status.containerStatuses[*].restartCount}';

/** Sees each change of the service's pods, however short it is, from `start` to `stop`. */
export class PodWatch {
  readonly #states = new Map<string, string[]>();
  readonly #following;

  private constructor(namespace: Namespace, release: string | undefined) {
    const output = `--output=jsonpath={.metadata.name} ${STATE}{"\\n"}`;
    const selector = ['--selector', servicePods(release)];
    const args = ['--namespace', namespace.name, 'get', 'pods', ...selector, '--watch', output];
    this.#following = followKubectl(args, (line) => this.#see(line));
  }

  static async start(namespace: Namespace, release?: string): Promise<PodWatch> {
    const watch = new PodWatch(namespace, release);
    await eventually('the watch has begun', () => watch.#states.size > 0, 60_000);
    return watch;
  }

  #see(line: string): void {
    const [name = '', ready, ...restarts] = line.split(' ');
    const states = this.#states.get(name) ?? [];
    const state = `${ready === 'True' ? 'ready' : 'not ready'}, restarts: ${restarts.join(' ')}`;
    if (states.at(-1) !== state) states.push(state);
    this.#states.set(name, states);
  }

  /** @returns by name of the pod: the states that it went through, as `ready, restarts: 0` */
  async stop(): Promise<Readonly<Record<string, readonly string[]>>> {
    await this.#following.stop();
    return Object.fromEntries(this.#states);
  }
}
