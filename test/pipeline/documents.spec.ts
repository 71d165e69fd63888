import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT, run } from './script.js';
import { parsePipeline, readTexts } from './workflow-files.js';

const document = readFileSync(join(ROOT, 'docs/pipeline.md'), 'utf8');
const texts = readTexts();
const all = [...texts.values()].join('\n');

const used = (context: string): string[] => [
  ...new Set([...all.matchAll(new RegExp(`\\b${context}\\.([A-Z][A-Z0-9_]+)`, 'g'))].map(([, name = '']) => name)),
];
/** Names in the first column of the table below a heading of it. */
const listed = (heading: string): string[] => {
  const [, table = ''] = new RegExp(`^\\| ${heading} \\|.*\\n\\|[- |]+\\n((?:\\|.*\\n)+)`, 'm').exec(document) ?? [];
  return [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name = '']) => name);
};

describe('docs/pipeline.md', () => {
  it.each([
    ['vars', 'variable'],
    ['secrets', 'secret'],
  ])('lists the %s that the workflows use, and no others', (context, heading) => {
    expect(new Set(listed(heading))).toEqual(new Set(used(context)));
    expect(listed(heading)).not.toEqual([]);
  });

  it('names every workflow', () => {
    for (const file of parsePipeline(texts).workflows.keys())
      expect(document).toContain(`](../.github/workflows/${file})`);
  });

  it('names files that are there, as every document does', async () => {
    const { code, stderr } = await run(process.execPath, ['scripts/ci/links.ts']);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});
