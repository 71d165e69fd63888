import { readFileSync, writeFileSync } from 'node:fs';
import { withGeneratedPart } from '../../../scripts/generated/generated-part.ts';
import { asMarkdown, type Table } from './table.ts';

/** The generated parts of the page, by the command that makes them. */
export const PARTS = { figures: 'npm run bench', soak: 'npm run bench -- --soak' } as const;

/** Writes tables into one generated part of a page, and leaves the rest as it is. */
export function writePart(file: URL, command: string, introduction: string, tables: readonly Table[]): void {
  const content = [introduction, '', ...tables.map(asMarkdown)].join('\n').trimEnd();
  writeFileSync(file, replacePart(readFileSync(file, 'utf8'), command, content));
}

/** @throws when the page has lost its marks */
export function replacePart(page: string, command: string, content: string): string {
  return withGeneratedPart(page, { page: 'the page', by: `\`${command}\`` }, `\n${content}\n`);
}
