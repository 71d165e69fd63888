import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { isMap, isPair, isScalar, type Pair, parseDocument } from 'yaml';
import { CHART, LEAST_VALUES, over, render, template, type Values } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';
import { VALUES_AT_WORK } from './values-at-work.js';

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
}

const read = (...path: readonly string[]): string => readFileSync(join(CHART, ...path), 'utf8');

/** What helm-docs puts into the README: the values with a comment of their own. */
const documented = documentedValues(read('values.yaml'));
const schema = JSON.parse(read('values.schema.json')) as Schema;
const templates = readdirSync(join(CHART, 'templates'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.(yaml|tpl|txt)$/.test(file))
  .map((file) => read('templates', file))
  .join('\n');

function documentedValues(text: string): string[] {
  const document = parseDocument(text);
  const paths: string[] = [];
  const visit = (pairs: readonly unknown[], prefix: string, firstComment: string): void => {
    pairs.filter(isPair).forEach((pair: Pair, index) => {
      const key = isScalar(pair.key) ? pair.key : undefined;
      const path = prefix + String(key?.value);
      // The comment over the first key of a map belongs to the map.
      const comment = `${index === 0 ? firstComment : ''}\n${key?.commentBefore ?? ''}`;
      if (/^ -- /m.test(comment)) paths.push(path);
      else if (isMap(pair.value)) visit(pair.value.items, `${path}.`, pair.value.commentBefore ?? '');
      else throw new Error(`${path} has no comment that starts with --`);
    });
  };
  if (isMap(document.contents)) visit(document.contents.items, '', document.contents.commentBefore ?? '');
  return paths;
}

function schemaAt(path: string): Schema | undefined {
  return path.split('.').reduce<Schema | undefined>((node, key) => node?.properties?.[key], schema);
}

/** Each value that the schema knows and that has no further ones inside, as far as a map has fixed keys. */
function schemaLeaves(node: Schema = schema, prefix = ''): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    child.properties && !documented.includes(prefix + key) ? schemaLeaves(child, `${prefix}${key}.`) : [prefix + key],
  );
}

const nested = (path: string, value: unknown): Values =>
  path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Values;

describe('each value of the chart', () => {
  it('is documented, and nothing else is', () => {
    const known = schemaLeaves().filter((path) => path !== 'global');

    expect([...known].sort()).toEqual([...documented].sort());
  });

  it.each(documented)('has a description in the schema: %s', (path) => {
    expect(schemaAt(path)?.description).toMatch(/^\S.*\.$/);
  });

  it('is in the README', () => {
    const rows = [...read('README.md').matchAll(/^\| ([A-Za-z.]+) \|/gm)].map(([, path]) => path!);

    expect(rows.filter((path) => path !== 'Key').sort()).toEqual([...documented].sort());
  });

  it('that a template reads is there', () => {
    const paths = [...templates.matchAll(/\.Values\.([A-Za-z]+(?:\.[A-Za-z]+)*)/g)].map(([, path]) => path!);

    const unknown = paths.filter((path) => schemaAt(path) === undefined);

    expect(paths.length).toBeGreaterThan(50);
    expect(unknown).toEqual([]);
  });

  it('has an example below', () => {
    expect(Object.keys(VALUES_AT_WORK).sort()).toEqual([...documented].sort());
  });
});

describe('each map of the schema', () => {
  it('is closed: what is not in it is refused', () => {
    const open: string[] = [];
    const visit = (node: Schema, path: string): void => {
      if (node.properties && node.additionalProperties !== false) open.push(path);
      for (const [key, child] of Object.entries(node.properties ?? {})) visit(child, `${path}/${key}`);
    };
    visit(schema, '');

    expect(open).toEqual([]);
  });
});

describeUnless(whyNoTool('helm'))('each value of the chart does something', () => {
  it.each(Object.entries(VALUES_AT_WORK))('%s', (path, { value, beside = {} }) => {
    const before = over(LEAST_VALUES, beside);

    const after = over(before, nested(path, value));

    expect(JSON.stringify(render(after))).not.toBe(JSON.stringify(render(before)));
  });

  it('and the defaults are what the schema takes', () => {
    expect(template(LEAST_VALUES)).toMatchObject({ ok: true });
  });
});
