import type { Spread } from '../statistics.ts';

export type Row = readonly string[];

/** What a measurement has to show. */
export interface Table {
  readonly title: string;
  readonly head: Row;
  readonly rows: readonly Row[];
  /** Sentences below it. */
  readonly notes: readonly string[];
}

const NUMBER = /^[−\d]/;

/** With three digits that mean something, and spaces between thousands. */
export function amount(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return signed(value.toFixed(digits).replace(/\B(?=(\d{3})+$)/g, ' '));
}

/** Whole, with spaces between thousands. */
export function count(value: number): string {
  return value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ' ');
}

export function ratio(value: number): string {
  return signed(value.toFixed(2));
}

export function spread({ median, least, most }: Spread): string {
  return `${amount(median)} (${amount(least)}–${amount(most)})`;
}

export function ratioSpread({ median, least, most }: Spread): string {
  return `${ratio(median)} (${ratio(least)}–${ratio(most)})`;
}

/** For a terminal: columns one below the other, numbers to the right. */
export function asText({ title, head, rows, notes }: Table): string {
  const lines = [head, ...rows];
  const widths = head.map((_cell, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const isNumeric = head.map((_cell, column) =>
    rows.every((row) => NUMBER.test(row[column] ?? '') || row[column] === '–'),
  );
  const draw = (line: Row): string =>
    line
      .map((cell, column) =>
        isNumeric[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  return [title, '', draw(head), rule, ...rows.map(draw), ...notes.map((note) => `  ${note}`), ''].join('\n');
}

/** For a page. */
export function asMarkdown({ title, head, rows, notes }: Table): string {
  const draw = (line: Row): string => `| ${line.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const body = [draw(head), draw(head.map(() => '---')), ...rows.map(draw)];
  return [`### ${title}`, '', ...body, ...notes.flatMap((note) => ['', note]), ''].join('\n');
}

function signed(text: string): string {
  return text.replace(/^-/, '−');
}
