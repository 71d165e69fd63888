import type { Result, Verdict } from './run-step.ts';

const VERDICTS: readonly Verdict[] = ['passed', 'failed', 'skipped', 'left out'];
const LONGEST_NOTE = 110;

/** The results, a line each, and how many there are of each kind. */
export function table(results: readonly Result[]): string {
  const rows = results.map(({ step, verdict, seconds, note }) => [
    step.job,
    step.id,
    verdict === 'left out' ? '' : `${seconds.toFixed(1)} s`,
    verdict,
    note.length > LONGEST_NOTE ? `${note.slice(0, LONGEST_NOTE - 1)}…` : note,
  ]);
  const header = ['job', 'step', 'time', 'verdict', ''];
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 2 ? cell.padStart(widths[2] ?? 0) : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd();
  const counts = VERDICTS.map(
    (verdict) => `${results.filter((result) => result.verdict === verdict).length} ${verdict}`,
  );
  const total = results.reduce((sum, { seconds }) => sum + seconds, 0);
  return [line(header), ...rows.map(line), '', `${counts.join(', ')} in ${Math.round(total)} s`].join('\n');
}
