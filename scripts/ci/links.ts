/**
 * Follows the links of every Markdown file in git: `links.ts [--online]`. Files and headings of this repository always;
 * pages elsewhere with `--online`, where an answer that is no answer (a limit, a login) counts as one. Exit code 1: a link
 * leads nowhere.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const TIMEOUT_MS = 20_000;
const AT_A_TIME = 8;
/** Examples, and what is only on the reader's machine. */
const NOT_OURS = /^https?:\/\/(localhost|127\.0\.0\.1|[^/]*\bexample\b|github\.com\/example\/|pr-)|[<>{}…*]/;
const GONE = new Set([404, 410]);

interface Link {
  readonly file: string;
  readonly target: string;
}

const [flag, ...rest] = process.argv.slice(2);
if ((flag !== undefined && flag !== '--online') || rest.length > 0) {
  console.error('links: usage: links.ts [--online]');
  process.exit(2);
}
const online = flag === '--online';
const files = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
const links = files.flatMap(linksOf);
const broken = links.filter(({ target }) => !/^[a-z]+:/.test(target)).flatMap(whyBroken);
let pages = 0;
if (online) {
  const urls = [...new Set(links.map(({ target }) => target.replace(/#.*/, '')))].filter(
    (target) => /^https?:/.test(target) && !NOT_OURS.test(target),
  );
  pages = urls.length;
  for (let next = 0; next < urls.length; next += AT_A_TIME) {
    broken.push(...(await Promise.all(urls.slice(next, next + AT_A_TIME).map(whyGone))).flat());
  }
}
for (const sentence of broken) console.error(`links: ${sentence}`);
console.log(
  `links: ${links.length} in ${files.length} files, ${pages} of them asked for, ${broken.length} lead nowhere`,
);
if (broken.length > 0) process.exitCode = 1;

/** Of `[text](target)`, `<https://…>` and `<img src="…">`, outside of code. */
function linksOf(file: string): Link[] {
  const text = withoutCode(readFileSync(join(ROOT, file), 'utf8'));
  const targets = [...text.matchAll(/\]\(<?([^\s)>]+)>?(?:\s"[^"]*")?\)|<(https?:[^>\s]+)>|src="([^"]+)"/g)];
  return targets.map(([, inline, bare, image]) => ({ file, target: inline ?? bare ?? image ?? '' }));
}

function withoutCode(text: string): string {
  return text.replace(/^ *(```+|~~~+)[\s\S]*?^ *\1 *$/gm, '').replace(/`[^`\n]*`/g, '');
}

function whyBroken({ file, target }: Link): string[] {
  const [path = '', heading] = target.split('#');
  const found = path === '' ? file : normalize(join(dirname(file), decodeURIComponent(path)));
  const absolute = join(ROOT, found);
  if (!existsSync(absolute)) return [`${file}: there is no ${found}`];
  if (heading === undefined || !found.endsWith('.md') || statSync(absolute).isDirectory()) return [];
  return headingsOf(absolute).has(heading) ? [] : [`${file}: ${found} has no heading #${heading}`];
}

/** As GitHub names them. */
function headingsOf(file: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const names = [...readFileSync(file, 'utf8').matchAll(/^#{1,6} +(.+?) *#*$/gm)].map(([, heading = '']) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const name = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
    const times = seen.get(name) ?? 0;
    seen.set(name, times + 1);
    return times === 0 ? name : `${name}-${times}`;
  });
  return new Set(names);
}

async function whyGone(url: string): Promise<string[]> {
  try {
    const answer = await fetch(url, { redirect: 'follow', signal: AbortSignal.timeout(TIMEOUT_MS) });
    await answer.body?.cancel();
    return GONE.has(answer.status) ? [`${url}: ${answer.status}`] : [];
  } catch (error) {
    return [`${url}: ${String((error as Error).cause ?? error)}`];
  }
}
