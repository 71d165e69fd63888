import { type Following, followKubectl, type Namespace } from './cluster.js';

/** Container's start, by pod: there is no log before it. */
const STARTED = '{.metadata.name}{" "}{.status.containerStatuses[*].state.running.startedAt}{"\\n"}';

/** Follows the logs of all pods that a selector finds, of those that come later too, from their first line to their last. */
export class PodLogs {
  private readonly byPod = new Map<string, Following>();
  private readonly pods: Following;

  constructor(
    private readonly namespace: Namespace,
    selector: string,
    private readonly onLine: (line: string, pod: string) => void,
  ) {
    const watch = ['get', 'pods', '--selector', selector, '--watch', `--output=jsonpath=${STARTED}`];
    this.pods = followKubectl(['--namespace', namespace.name, ...watch], (line) => {
      const [pod, started] = line.split(' ');
      if (pod && started) this.follow(pod);
    });
  }

  async stop(): Promise<void> {
    await this.pods.stop();
    await Promise.all([...this.byPod.values()].map((log) => log.stop()));
  }

  private follow(pod: string): void {
    if (this.byPod.has(pod)) return;
    const logs = ['--namespace', this.namespace.name, 'logs', '--follow', `pod/${pod}`];
    this.byPod.set(
      pod,
      followKubectl(logs, (line) => this.onLine(line, pod)),
    );
  }
}
