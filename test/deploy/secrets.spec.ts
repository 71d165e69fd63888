import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

const ROOT = join(import.meta.dirname, '../..');

interface Generator {
  readonly literals?: readonly string[];
}

interface Manifest {
  readonly kind?: unknown;
  readonly items?: readonly Manifest[];
  readonly data?: Readonly<Record<string, unknown>>;
  readonly stringData?: Readonly<Record<string, unknown>>;
  readonly sops?: unknown;
  readonly secretGenerator?: readonly Generator[];
}

/** Why a file must not be committed; `undefined`: it may. A template that would make a Secret counts, whatever it holds. */
function plainSecret(file: string, text: string): string | undefined {
  if (!/\bkind["']?\s*:\s*["']?Secret\b|\bsecretGenerator\b/.test(text)) return undefined;
  if (text.includes('{{') && /\btemplates\//.test(file)) return 'a template of a Secret';
  const manifests = parseAllDocuments(text).map((document) => document.toJS() as Manifest | null);
  return manifests.some((manifest) => manifest !== null && isPlain(manifest)) ? 'a Secret in plain text' : undefined;
}

function isPlain({ kind, items, data, stringData, sops, secretGenerator }: Manifest): boolean {
  if (items) return items.some(isPlain);
  if (secretGenerator?.some(({ literals = [] }) => literals.length > 0)) return true;
  if (kind !== 'Secret') return false;
  const values = [...Object.values(data ?? {}), ...Object.values(stringData ?? {})];
  return values.some((value) => typeof value !== 'string' || !value.startsWith('ENC[') || sops === undefined);
}

describe('what is committed', () => {
  it('has no Secret but encrypted ones', () => {
    const { stdout, status } = spawnSync('git', ['ls-files', '-z', '*.yaml', '*.yml', '*.json', '*.tpl'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    const files = stdout.split('\0').filter((file) => file !== '' && file !== 'package-lock.json');

    const found = files.map((file) => [file, plainSecret(file, readFileSync(join(ROOT, file), 'utf8'))]);

    expect(status).toBe(0);
    expect(files.length).toBeGreaterThan(20);
    expect(found.filter(([, problem]) => problem !== undefined)).toEqual([]);
  });

  it.each([
    ['plain', 'secret.yaml', 'apiVersion: v1\nkind: Secret\nstringData:\n  url: postgres://a:b@c/d\n'],
    ['encoded', 'secret.yaml', 'apiVersion: v1\nkind: Secret\ndata: { url: cG9zdGdyZXM= }\n'],
    ['the second of two', 'all.yaml', 'kind: ConfigMap\n---\nkind: Secret\ndata: { url: cG9zdGdyZXM= }\n'],
    ['in a list', 'list.yaml', 'kind: List\nitems:\n  - { kind: Secret, data: { url: cG9zdGdyZXM= } }\n'],
    [
      'in a list, line by line',
      'list.yaml',
      'kind: List\nitems:\n  - kind: Secret\n    data:\n      url: cG9zdGdyZXM=\n',
    ],
    [
      'in other quotes, with a remark',
      'secret.yaml',
      "kind: 'Secret' # of the database\ndata: { url: cG9zdGdyZXM= }\n",
    ],
    [
      'made by Kustomize',
      'kustomization.yaml',
      'secretGenerator:\n  - name: db\n    literals: [url=postgres://a:b@c/d]\n',
    ],
    ['as JSON', 'secret.json', '{\n  "kind": "Secret",\n  "data": { "url": "cG9zdGdyZXM=" }\n}\n'],
    [
      'half encrypted',
      'secret.yaml',
      'kind: Secret\ndata: { a: "ENC[AES256_GCM,data:x]", b: eA== }\nsops: { version: 3 }\n',
    ],
    ['a template', 'deploy/templates/a.yaml', 'kind: Secret\ndata: {{ .Values.secret }}\n'],
  ])('would not pass: %s', (_name, file, text) => {
    expect(plainSecret(file, text)).toMatch(/Secret/);
  });

  it.each([
    ['encrypted', 'kind: Secret\nstringData: { url: "ENC[AES256_GCM,data:x]" }\nsops: { version: 3.13.3 }\n'],
    ['an ExternalSecret', 'kind: ExternalSecret\nspec: { target: { name: hello-world-database } }\n'],
    ['the name of one', 'spec:\n  valuesFrom:\n    - kind: Secret\n      name: hello-world-values\n'],
  ])('passes: %s', (_name, text) => {
    expect(plainSecret('a.yaml', text)).toBeUndefined();
  });
});
