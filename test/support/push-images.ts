import { type ClusterImages, IMAGES_VARIABLE, type ImageValue, NO_IMAGES_VARIABLE } from './cluster-images.ts';
import { imagesOf, serviceImage, whyNoCompose } from './compose-images.ts';
import { docker } from './docker.ts';
import pullImages from './pull-images.ts';

/** From where the cluster pulls under the same name. */
const REGISTRY = process.env['TEST_REGISTRY'] ?? 'localhost:5000';
/** Whatever the chart has it run. */
const BROKEN = `ENTRYPOINT ["/usr/local/bin/node", "-e", "console.error('broken on purpose'); process.exit(1)"]`;
/** Migrates, and then serves nobody: alive, but never ready. */
const UNREADY = `CMD ["-e", ${JSON.stringify(
  "process.once('SIGTERM', process.exit); require('node:http').createServer((request, response) => response.writeHead(request.url === '/livez' ? 200 : 503).end()).listen(process.env.MANAGEMENT_PORT ?? process.env.PORT)",
)}]`;

/**
 * Jest's global set-up of the suites on a cluster: pushes the service's image, variants of it, and those of its
 * neighbours into a registry that the cluster pulls from. What does not work is left to the specs: they skip, and say so.
 */
export default async function pushImages(): Promise<void> {
  await pullImages();
  const missing = whyNoCompose('headless');
  if (missing !== undefined) {
    process.env[NO_IMAGES_VARIABLE] = missing;
    return;
  }
  try {
    process.env[IMAGES_VARIABLE] = JSON.stringify(await images());
  } catch (error) {
    process.env[NO_IMAGES_VARIABLE] = `images cannot be pushed to ${REGISTRY}: ${(error as Error).message.trim()}`;
  }
}

async function images(): Promise<ClusterImages> {
  const neighbours = imagesOf('headless');
  const like = (name: string) => neighbours.find((image) => image.includes(name)) ?? name;
  const service = await push(serviceImage(), 'hello-world');
  return {
    service,
    next: await pushBuilt('LABEL org.opencontainers.image.version=next', 'hello-world'),
    broken: await pushBuilt(BROKEN, 'hello-world'),
    unready: await pushBuilt(UNREADY, 'hello-world'),
    missing: { ...service, digest: `sha256:${'0'.repeat(64)}` },
    postgres: await push(like('postgres'), 'postgres'),
    flagd: await push(like('flagd'), 'flagd'),
    collector: await push(like('collector'), 'opentelemetry-collector'),
  };
}

async function pushBuilt(instruction: string, name: string): Promise<ImageValue> {
  // Of this run alone: another one may be at it.
  const built = `${REGISTRY}/${name}:variant-${process.pid}`;
  await docker(['build', '--quiet', '--tag', built, '-'], { input: `FROM ${serviceImage()}\n${instruction}\n` });
  const pushed = await push(built, name);
  await docker(['rmi', built]);
  return pushed;
}

/** Pushes an image of this engine under a name of its own. */
export async function push(image: string, name: string): Promise<ImageValue> {
  const repository = `${REGISTRY}/${name}`;
  // A tag of this very image: a node that has it does not ask again.
  const [, id = ''] =
    /^sha256:([0-9a-f]{12})/.exec(await docker(['image', 'inspect', '--format={{.Id}}', image])) ?? [];
  const tag = `0.0.0-${id}`;
  const tagged = `${repository}:${tag}`;
  await docker(['tag', image, tagged]);
  const output = await docker(['push', tagged]);
  await docker(['rmi', '--no-prune', tagged]);
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(output)?.[1];
  if (digest === undefined) throw new Error(`docker push told no digest: ${output}`);
  return { repository, tag, digest };
}
