import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { KUBERNETES_VERSIONS } from './helm.js';
import { whyNoTool } from './tools.js';

/** The schemas of custom resources that https://github.com/datreeio/CRDs-catalog collects. */
const PUBLIC_CRDS =
  'https://raw.githubusercontent.com/datreeio/CRDs-catalog/main/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json';
const REACHABLE_WITHIN_MS = 10_000;

export interface KubeSchemas {
  /** Why manifests can't be checked here; `undefined` where they can. */
  readonly missing: string | undefined;
  /** Versions of Kubernetes that there are schemas of. */
  readonly versions: readonly string[];
  /** What tells kubeconform where they are. */
  readonly args: readonly string[];
}

/** Schemas of a folder, where `KUBE_SCHEMAS` names one (`k8s/` and `crd/` in it); else those of the public catalogues. */
export async function kubeSchemas(): Promise<KubeSchemas> {
  const folder = process.env['KUBE_SCHEMAS'] ?? '';
  const noTool = whyNoTool('kubeconform');
  if (folder !== '') {
    const k8s = join(folder, 'k8s');
    const versions = existsSync(k8s)
      ? readdirSync(k8s).flatMap((name) => /^v(.*)-standalone-strict$/.exec(name)?.[1] ?? [])
      : [];
    return {
      missing: noTool ?? (versions.length === 0 ? `KUBE_SCHEMAS is ${folder}, and has no schemas` : undefined),
      versions,
      args: [
        '-schema-location',
        `${k8s}/{{.NormalizedKubernetesVersion}}-standalone{{.StrictSuffix}}/{{.ResourceKind}}{{.KindSuffix}}.json`,
        '-schema-location',
        `${folder}/crd/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json`,
      ],
    };
  }
  return {
    missing: noTool ?? (await whyNoCatalogue()),
    versions: KUBERNETES_VERSIONS,
    args: ['-schema-location', 'default', '-schema-location', PUBLIC_CRDS],
  };
}

async function whyNoCatalogue(): Promise<string | undefined> {
  try {
    await fetch(new URL(PUBLIC_CRDS).origin, { method: 'HEAD', signal: AbortSignal.timeout(REACHABLE_WITHIN_MS) });
    return undefined;
  } catch {
    return 'KUBE_SCHEMAS is not set, and the public catalogue of schemas cannot be reached';
  }
}
