import { isMap, isScalar, parseDocument, type Scalar } from 'yaml';
import { GitOpsProblem } from './problem.ts';

export type Path = readonly string[];

/** What a YAML text has at a path; `undefined` where nothing, or nothing but a name. */
export function scalarAt(text: string, path: Path): string | undefined {
  const value = find(text, path)?.value;
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/**
 * Writes a value at a path that is there, maybe empty, and leaves every other character as it is: comments, order, quotes.
 *
 * @throws GitOpsProblem where the path is not there
 */
export function withScalar(text: string, path: Path, value: string): string {
  const range = find(text, path)?.range;
  if (!range) throw new GitOpsProblem(`there is no ${path.join('.')} to write to`);
  const [start, end] = range;
  const before = text.slice(0, start);
  const space = /\s$/.test(before) ? '' : ' ';
  return `${before}${space}${written(value)}${text.slice(end)}`;
}

function find(text: string, path: Path): Scalar | undefined {
  let node: unknown = parseDocument(text).contents;
  for (const key of path) node = isMap(node) ? node.get(key, true) : undefined;
  return isScalar(node) ? node : undefined;
}

/** Quoted where YAML would take it for something else than a string, as 1.20 or true. */
function written(value: string): string {
  return /^(sha256:[0-9a-f]{64}|sha-[0-9a-f]+|pr-\d+)$/.test(value) ? value : `'${value.replaceAll("'", "''")}'`;
}
