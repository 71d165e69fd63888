/**
 * Pins every image of the Dockerfile and of docker-compose.yml to the digest that its tag has in its registry now:
 * `refresh-digests.ts [--check] [FILE…]`. With `--check` nothing is written.
 *
 * Exit code 0: every pin is current (or is now). 1: `--check` found one that is not. 2: a registry did not say.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;
const EXIT_STALE = 1;
const EXIT_UNKNOWN = 2;

/** `FROM name:tag@digest`, `image: name:tag@digest` and `image: name:${VARIABLE:-tag@digest}`, also where the digest is missing yet. */
const REFERENCE =
  /^(?<before>\s*(?:FROM(?:\s+--\S+)*|image:)\s+)(?<name>(?:[\w.-]+(?::\d+)?\/)*[\w.-]+):(?<open>\$\{\w+:-)?(?<tag>[\w.-]+)(?:@(?<digest>sha256:[0-9a-f]{64}))?/gm;

/** What a registry says of a tag: its digest, or why it says nothing. */
type Answer = { readonly digest: string } | { readonly problem: string };

/** The digest of the index, which holds for every platform. */
async function ask(image: string): Promise<Answer> {
  const command = ['buildx', 'imagetools', 'inspect', image, '--format', '{{json .Manifest}}'];
  try {
    const { stdout } = await run('docker', command, { timeout: TIMEOUT_MS });
    const { digest } = JSON.parse(stdout) as { digest?: unknown };
    if (typeof digest === 'string' && /^sha256:[0-9a-f]{64}$/.test(digest)) return { digest };
    return { problem: 'the answer names no digest' };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    return { problem: (stderr || message).trim().split('\n').at(-1) ?? '' };
  }
}

function imagesOf(text: string): string[] {
  return [...text.matchAll(REFERENCE)].map(({ groups }) => `${groups?.['name']}:${groups?.['tag']}`);
}

/** The text with every image pinned whose digest is known. */
function pinned(text: string, answers: ReadonlyMap<string, Answer>): string {
  return text.replaceAll(REFERENCE, (whole, ...rest) => {
    const groups = rest.at(-1) as Record<string, string | undefined>;
    const { before, name, open = '', tag, digest } = groups;
    const answer = answers.get(`${name}:${tag}`);
    if (answer === undefined || !('digest' in answer) || answer.digest === digest) return whole;
    return `${before}${name}:${open}${tag}@${answer.digest}`;
  });
}

/** Ends with a message where an option is none: a mistyped --check must not write. */
function commandLine(): { check: boolean; named: string[] } {
  try {
    const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true });
    return { check: values.check ?? false, named: positionals };
  } catch (error) {
    console.error((error as Error).message);
    return process.exit(2);
  }
}

const { check, named } = commandLine();
const root = resolve(import.meta.dirname, '..');
const files = named.length > 0 ? named : ['Dockerfile', 'docker-compose.yml'].map((name) => resolve(root, name));

const texts = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
const images = [...new Set([...texts.values()].flatMap(imagesOf))];
const answers = new Map(await Promise.all(images.map(async (image) => [image, await ask(image)] as const)));

for (const [image, answer] of answers) {
  if ('digest' in answer) continue;
  console.error(`${image}: not refreshed, its registry did not say: ${answer.problem}`);
  process.exitCode = EXIT_UNKNOWN;
}
for (const [file, text] of texts) {
  const current = pinned(text, answers);
  if (current === text) continue;
  if (check) process.exitCode = EXIT_STALE;
  else writeFileSync(file, current);
  console.log(`${file}: ${check ? 'not current' : 'refreshed'}`);
}
