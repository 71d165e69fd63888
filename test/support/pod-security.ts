import { containers, type PodSpec } from './helm.js';

const ALLOWED_VOLUMES = new Set(
  'configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret'.split(' '),
);

/** Why Pod Security `restricted` would refuse a pod: https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
export function refusals(pod: PodSpec): string[] {
  const found: string[] = [];
  const demand = (holds: boolean, problem: string): void => {
    if (!holds) found.push(problem);
  };
  const ofPod = pod.securityContext ?? {};
  for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) demand(pod[field] !== true, field);
  for (const { name, ...source } of pod.volumes ?? []) {
    demand(
      Object.keys(source).every((kind) => ALLOWED_VOLUMES.has(kind)),
      `volume ${name}`,
    );
  }
  for (const { name, securityContext: own = {}, ports = [] } of containers(pod)) {
    const both = { ...ofPod, ...own };
    demand(both['runAsNonRoot'] === true && both['runAsUser'] !== 0, `${name}: root`);
    demand(own['allowPrivilegeEscalation'] === false && own['privileged'] !== true, `${name}: privileges`);
    demand(JSON.stringify(own['capabilities']) === '{"drop":["ALL"]}', `${name}: capabilities`);
    demand(JSON.stringify(both['seccompProfile']) === '{"type":"RuntimeDefault"}', `${name}: seccomp`);
    demand(
      ports.every((port) => !('hostPort' in port)),
      `${name}: hostPort`,
    );
  }
  return found;
}
