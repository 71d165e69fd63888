/**
 * The rules with all their times shortened, so that a test need not wait for hours:
 *
 *     node scripts/monitoring/scale-rules.ts --factor 60 [--group-factor hello-world-slo=600] [--floor 5s] > rules.yaml
 *
 * Divides every duration (`interval`, `for`, `keep_firing_for`, ranges, offsets, steps of subqueries) and nothing else:
 * thresholds, labels and annotations stay, so does what a description says about minutes. A range needs two scrapes at
 * least, in a window whose edges fall anywhere: `--floor` must be four scrape intervals or more.
 */
import { parseArgs } from 'node:util';
import { rewriteDurations } from './promql.ts';
import { isAlert, RULES_FILE, type Rule, type RulesFile, readRules, writeYaml } from './rules-file.ts';

export interface Scale {
  readonly factor: number;
  /** Other factors, by the name of the group. */
  readonly groupFactors?: Readonly<Record<string, number>>;
  /** The least a range or an offset may become. @default 5 s */
  readonly floorMs?: number;
  /** The least an evaluation interval may become. @default 1 s */
  readonly intervalFloorMs?: number;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

export function scaleRules(file: RulesFile, scale: Scale): RulesFile {
  const { factor, groupFactors = {}, floorMs = 5_000, intervalFloorMs = 1_000 } = scale;
  const unknown = Object.keys(groupFactors).filter((name) => !file.groups.some((group) => group.name === name));
  if (unknown.length > 0) throw new Error(`no such group of rules: ${unknown.join(', ')}`);
  if ([factor, ...Object.values(groupFactors)].some((each) => !(each >= 1 && each < Infinity)))
    throw new Error('a factor (--factor, --group-factor) is a number from 1 on');

  return {
    groups: file.groups.map((group) => {
      const divisor = groupFactors[group.name] ?? factor;
      const divide =
        (leastMs: number) =>
        (duration: string): string =>
          formatDuration(Math.max(parseDuration(duration) / divisor, Math.min(leastMs, parseDuration(duration))));
      return {
        ...group,
        interval: divide(intervalFloorMs)(group.interval),
        rules: group.rules.map((rule) => scaleRule(rule, divide(floorMs), divide(0))),
      };
    }),
  };
}

function scaleRule(rule: Rule, divideRange: (text: string) => string, divide: (text: string) => string): Rule {
  const expr = rewriteDurations(rule.expr, divideRange);
  if (!isAlert(rule)) return { ...rule, expr };
  return {
    ...rule,
    expr,
    ...(rule.for === undefined ? {} : { for: divide(rule.for) }),
    ...(rule.keep_firing_for === undefined ? {} : { keep_firing_for: divide(rule.keep_firing_for) }),
  };
}

/** Milliseconds of one of Prometheus' durations, such as `1h30m`. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|[smhdwy])/g)];
  if (parts.map(([part]) => part).join('') !== text || text === '') throw new Error(`no duration: ${text}`);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_MS[unit ?? ''] ?? 0), 0);
}

function formatDuration(ms: number): string {
  const whole = Math.round(ms);
  return whole % 1_000 === 0 ? `${whole / 1_000}s` : `${whole}ms`;
}

function main(): void {
  const { values } = parseArgs({
    options: {
      factor: { type: 'string' },
      'group-factor': { type: 'string', multiple: true, default: [] },
      floor: { type: 'string', default: '5s' },
    },
  });
  const groupFactors = Object.fromEntries(
    values['group-factor'].map((text): [string, number] => {
      const [name = '', factor] = text.split('=');
      return [name, Number(factor)];
    }),
  );
  const scale = { factor: Number(values.factor), groupFactors, floorMs: parseDuration(values.floor) };
  process.stdout.write(
    writeYaml([`${RULES_FILE}, for a test: ${JSON.stringify(scale)}`], scaleRules(readRules(), scale)),
  );
}

if (import.meta.main) {
  try {
    main();
  } catch (error) {
    console.error(`scale-rules: ${(error as Error).message}`);
    process.exitCode = 2;
  }
}
