import { spawnSync } from 'node:child_process';

/** Without a password, by HTTP: as `docker run -p 127.0.0.1:5000:5000 registry:3` makes one. */
export const REGISTRY = process.env['TEST_REGISTRY'] ?? 'localhost:5000';

const PROBE = `fetch('http://${REGISTRY}/v2/', { signal: AbortSignal.timeout(5000) }).then((answer) => process.exit(answer.ok ? 0 : 1))`;

/** Why images cannot be pushed here; `undefined` when they can. */
export function whyNoRegistry(): string | undefined {
  const { status } = spawnSync(process.execPath, ['-e', PROBE], { stdio: 'ignore' });
  return status === 0 ? undefined : `no registry answers at ${REGISTRY} (TEST_REGISTRY)`;
}

/** What a tag is, as anybody would ask it. */
export async function digestInRegistry(repository: string, tag: string): Promise<string | undefined> {
  const url = `http://${REGISTRY}/v2/${repository}/manifests/${tag}`;
  const answer = await fetch(url, {
    method: 'HEAD',
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  return answer.ok ? (answer.headers.get('docker-content-digest') ?? undefined) : undefined;
}
