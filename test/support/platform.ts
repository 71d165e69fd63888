/**
 * The controllers that a platform runs, found on the cluster by the kinds that they bring and by their pods. Asked while
 * tests are declared, by who knows that there is a cluster (`whyNoCluster`).
 */
import { askKubectl } from './cluster.js';
import type { KubeObject } from './helm.js';

/** A controller by its name, one of the kinds that it brings, and a label of its pods, as its own manifests have it. */
const CONTROLLERS = {
  'cert-manager': ['certificates.cert-manager.io', 'cert-manager'],
  'External Secrets': ['externalsecrets.external-secrets.io', 'external-secrets'],
  Traefik: ['ingressclasses.networking.k8s.io', 'traefik'],
  'Prometheus of the Prometheus operator': ['prometheuses.monitoring.coreos.com', 'prometheus'],
  'Alertmanager of the Prometheus operator': ['alertmanagers.monitoring.coreos.com', 'alertmanager'],
  'kube-state-metrics': ['deployments.apps', 'kube-state-metrics'],
} as const satisfies Readonly<Record<string, readonly [kind: string, pods: string]>>;

export type Controller = keyof typeof CONTROLLERS;

/** A pod of a controller, as far as tests ask. */
export interface ControllerPod extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly namespace: string };
  readonly spec: {
    readonly containers: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
}

/** Why tests have to do without; `undefined` where all of these run. */
export function whyNoController(...controllers: readonly Controller[]): string | undefined {
  for (const controller of controllers) {
    const [kind] = CONTROLLERS[controller];
    const [resource = '', ...group] = kind.split('.');
    const kinds = askKubectl(['api-resources', `--api-group=${group.join('.')}`, '--output=name']) ?? '';
    if (!kinds.split('\n').includes(kind)) return `the cluster has no ${controller}: it does not know ${resource}`;
    if (podsOf(controller).length === 0) return `the cluster has no pod of ${controller} that runs`;
  }
  return undefined;
}

/** Its pods that run, in whatever namespace. */
export function podsOf(controller: Controller): ControllerPod[] {
  const [, name] = CONTROLLERS[controller];
  return findAll<ControllerPod>(
    'pods',
    `--selector=app.kubernetes.io/name=${name}`,
    '--field-selector=status.phase=Running',
  );
}

/** Objects of a kind, of all namespaces; none where the cluster does not know the kind. */
export function findAll<T = KubeObject>(kind: string, ...args: readonly string[]): T[] {
  const found = askKubectl(['get', kind, '--all-namespaces', '--output=json', ...args]);
  return found === undefined ? [] : (JSON.parse(found) as { readonly items: T[] }).items;
}

/** Whether a condition of an object holds. */
export function holds(object: KubeObject, type: string): boolean {
  const status = object['status'] as { conditions?: readonly { type: string; status: string }[] } | undefined;
  return status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}
