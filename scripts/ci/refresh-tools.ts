/**
 * Writes the newest version of each tool into the files of mise that are named: `refresh-tools.ts FILE…`. mise says what
 * is the newest, and nothing is installed.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

/** What stays at its version, and why. */
const HELD: Readonly<Record<string, string>> = {
  'go:github.com/prometheus/alertmanager/cmd/alertmanager': 'newer modules lack the page that is embedded in it',
  'aqua:sigstore/cosign': 'the workflows name its version as well (cosign-release), and an app may not change those',
};

interface Outdated {
  readonly name: string;
  readonly requested: string;
  readonly bump: string | null;
  readonly source: { readonly path?: string };
}

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error('refresh-tools: usage: refresh-tools.ts FILE…');
  process.exit(2);
}

const said = execFileSync('mise', ['outdated', '--bump', '--json'], {
  encoding: 'utf8',
  env: { ...process.env, MISE_ENV: 'ci', MISE_TRUSTED_CONFIG_PATHS: process.cwd() },
});
const outdated = Object.values(JSON.parse(said) as Readonly<Record<string, Outdated>>);

for (const file of files) {
  let text = readFileSync(file, 'utf8');
  for (const { name, requested, bump, source } of outdated) {
    if (bump === null || bump === requested || basename(source.path ?? '') !== basename(file)) continue;
    const held = HELD[name];
    if (held !== undefined) {
      console.log(`refresh-tools: ${name} stays at ${requested}: ${held}`);
      continue;
    }
    text = text.replace(`"${name}" = "${requested}"`, `"${name}" = "${bump}"`);
    console.log(`refresh-tools: ${name} ${requested} -> ${bump}`);
  }
  writeFileSync(file, text);
}
