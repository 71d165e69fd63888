/** The table of docs/platform-images.md: what docker-compose.yml runs besides our own image. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { withGeneratedPart } from './generated-part.ts';

const PAGE = 'docs/platform-images.md';

/** `name:${VARIABLE:-tag@digest}`; where no registry was asked yet, without a digest. */
const IMAGE = /^(?<name>[^$]+):\$\{(?<variable>[A-Z]+_TAG):-(?<tag>[^@}]+)(?:@(?<digest>[^}]+))?\}$/;

interface ComposeFile {
  readonly services: Readonly<Record<string, { readonly image: string }>>;
}

export function platformImages(): Record<string, string> {
  const { services } = parse(textOf('docker-compose.yml'), { merge: true }) as ComposeFile;
  const images = new Set(Object.values(services).map(({ image }) => image));
  const rows = [...images].flatMap((image) => {
    const { name, variable, tag, digest } = IMAGE.exec(image)?.groups ?? {};
    return name === undefined
      ? []
      : [`| \`${name}\` | \`${variable}\` | \`${tag}\` | ${digest ? `\`${digest}\`` : '–'} |`];
  });
  const table = ['| image | variable | tag | digest |', '| --- | --- | --- | --- |', ...rows.sort()].join('\n');
  const part = { page: PAGE, by: '`npm run generate`' };
  return { [PAGE]: withGeneratedPart(textOf(PAGE), part, `\n${table}\n`) };
}

function textOf(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}
