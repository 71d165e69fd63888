/** The chart's flagd is that of docker-compose.yml, whose digests `npm run refresh:digests` looks up. */
import { readFileSync } from 'node:fs';

const VALUES = 'deploy/helm/hello-world/values.yaml';
const COMPOSE_IMAGE = /image: (?<repository>\S+\/flagd):\$\{FLAGD_TAG:-(?<tag>[^@}]+)@(?<digest>sha256:[0-9a-f]{64})\}/;
/** Three lines with a comment each. */
const CHART_IMAGE =
  /(?<repository>repository: )\S+\/flagd(?<between>\n.*\n\s+tag: )\S+(?<before>\n.*\n\s+digest: )sha256:[0-9a-f]{64}/;

export function chartFlagd(): Record<string, string> {
  const image = COMPOSE_IMAGE.exec(textOf('docker-compose.yml'))?.groups;
  if (image === undefined) throw new Error('docker-compose.yml has no flagd with a tag and a digest');
  const values = textOf(VALUES);
  if (!CHART_IMAGE.test(values)) throw new Error(`${VALUES} has no flagd.image with repository, tag and digest`);
  const { repository, tag, digest } = image;
  return { [VALUES]: values.replace(CHART_IMAGE, `$<repository>${repository}$<between>${tag}$<before>${digest}`) };
}

function textOf(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
