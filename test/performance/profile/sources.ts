import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { CallFrame, SourceOf } from './fold.ts';

/** Looks functions of compiled or bundled scripts up in the source maps that lie beside them. */
export function sourceMapLookUp(): SourceOf {
  const maps = new Map<string, SourceMap | undefined>();
  return ({ url, lineNumber, columnNumber }: CallFrame): string => {
    if (!url.startsWith('file:')) return url;
    if (!maps.has(url)) maps.set(url, readMap(url));
    const entry = maps.get(url)?.findEntry(lineNumber, columnNumber);
    if (entry === undefined || !('originalSource' in entry)) return `${url}:${lineNumber + 1}`;
    // Sources are named relative to their script; that way they stay absolute.
    return `${new URL(entry.originalSource, url).href}:${entry.originalLine + 1}`;
  };
}

function readMap(url: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')) as SourceMapPayload);
  } catch {
    return undefined; // Most scripts are as they were written.
  }
}
