import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { LATENCY_OBJECTIVE_SECONDS } from '../../libs/metrics/src/metrics.constants.js';
import { type Selector, selectorsOf } from '../../scripts/monitoring/promql.ts';
import { isAlert, readRules } from '../../scripts/monitoring/rules-file.ts';
import { parseDuration } from '../../scripts/monitoring/scale-rules.ts';

const FOLDER = join(import.meta.dirname, '../../monitoring/slo');

/** https://pkg.go.dev/github.com/slok/sloth/pkg/prometheus/api/v1 */
interface SloFile {
  readonly version: string;
  readonly service: string;
  readonly slos: readonly {
    readonly name: string;
    readonly objective: number;
    readonly description: string;
    readonly sli: { readonly events: { readonly error_query: string; readonly total_query: string } };
  }[];
}

interface Window {
  readonly errorBudgetPercent: number;
  readonly shortWindow: string;
  readonly longWindow: string;
}

/** https://pkg.go.dev/github.com/slok/sloth/pkg/prometheus/alertwindows/v1 */
interface AlertWindows {
  readonly spec: {
    readonly sloPeriod: string;
    readonly page: { readonly quick: Window; readonly slow: Window };
    readonly ticket: { readonly quick: Window; readonly slow: Window };
  };
}

const { version, service, slos } = read('hello-world.yaml') as SloFile;
const { spec: windows } = read('alert-windows.yaml') as AlertWindows;
const rules = readRules().groups.flatMap((group) => group.rules);

describe('monitoring/slo/hello-world.yaml', () => {
  it('states the objectives in the format of sloth', () => {
    expect({ version, service, period: windows.sloPeriod }).toEqual({
      version: 'prometheus/v1',
      service: 'hello-world',
      period: '30d',
    });
    expect(slos.map(({ name, objective }) => [name, objective])).toEqual([
      ['availability', 99.9],
      ['latency', 99],
    ]);
  });

  it.each(slos)('$name → the rules allow as many bad events as the objective', ({ name, objective }) => {
    const { expr } = recorded('namespace_job_instance_slo:slo_allowed_bad_events:sum', name);

    const [, ratio] = /\(1 - (0\.\d+)\)/.exec(expr) ?? [];
    expect(Number(ratio) * 100).toBeCloseTo(objective, 10);
    expect(selectorsOf(expr)).toMatchObject([
      {
        metric: 'namespace_job_instance_slo:slo_events:sum',
        matchers: [{ label: 'job' }, { label: 'slo', value: name }],
      },
    ]);
  });

  it.each(slos)('$name → the rules count the same events, and the same of them as bad', ({ name, sli: { events } }) => {
    expect(readings('namespace_job_instance_slo:slo_events:sum', name)).toEqual(requestsOf(events.total_query));
    expect(readings('namespace_job_instance_slo:slo_bad_events:sum', name)).toEqual(requestsOf(events.error_query));
    for (const query of Object.values(events))
      expect(query.split('[{{.window}}]').length - 1).toBe(selectorsOf(query).length);
  });

  it('latency → is told by a bucket at 250 ms, as the description says', () => {
    const { description, sli } = slos.find(({ name }) => name === 'latency')!;
    const bounds = selectorsOf(sli.events.error_query).flatMap(({ matchers }) =>
      matchers.filter(({ label }) => label === 'le'),
    );

    expect(description).toContain('250 ms');
    expect(bounds.map(({ value }) => Number(value))).toEqual([LATENCY_OBJECTIVE_SECONDS]);
  });

  it.each([
    ['HelloWorldErrorBudgetBurnFast', windows.page, [14.4, 6]],
    ['HelloWorldErrorBudgetBurnSlow', windows.ticket, [3, 1]],
  ] as const)('%s → has the windows and burn rates of alert-windows.yaml', (name, { quick, slow }, rates) => {
    const expr = rules.filter(isAlert).find(({ alert }) => alert === name)?.expr ?? '';

    const conditions = [
      ...expr.matchAll(
        /burn_rate:ratio_increase(\w+)\{[^}]*\} > ([\d.]+)\s+unless \w+:slo_burn_rate:ratio_increase(\w+)\{[^}]*\} <= ([\d.]+)\s+and sum by \(namespace, job, slo\) \(increase\(\w+:slo_bad_events:sum\{[^}]*\}\[(\w+)\]\)\) >= 10/g,
      ),
    ].map(([, long, above, short, below, counted]) => [long, Number(above), short, Number(below), counted]);
    expect(conditions).toEqual(
      [quick, slow].map((window, index) => [
        window.longWindow,
        rates[index],
        window.shortWindow,
        rates[index],
        window.longWindow,
      ]),
    );
    expect([quick, slow].map(burnRate)).toEqual(rates.map((rate) => expect.closeTo(rate, 10)));
  });

  it('every window → is recorded over what its name says, bad against allowed', () => {
    const names = Object.values(windows.page)
      .concat(Object.values(windows.ticket))
      .flatMap(({ shortWindow, longWindow }: Window) => [shortWindow, longWindow]);

    for (const window of new Set(names)) {
      const { expr } = recorded(`namespace_job_slo:slo_burn_rate:ratio_increase${window}`);
      expect([...expr.matchAll(/\[(\w+)\]/g)].map(([, range]) => range)).toEqual([window, window]);
      expect(selectorsOf(expr).map(({ metric }) => metric)).toEqual([
        'namespace_job_instance_slo:slo_bad_events:sum',
        'namespace_job_instance_slo:slo_allowed_bad_events:sum',
      ]);
    }
  });

  it('the error budget → is what is left of the whole period', () => {
    const { expr } = recorded('namespace_job_slo:slo_error_budget_remaining:ratio_increase30d');

    expect(new Set([...expr.matchAll(/\[(\w+)\]/g)].map(([, range]) => range))).toEqual(new Set([windows.sloPeriod]));
  });
});

function read(name: string): unknown {
  return parse(readFileSync(join(FOLDER, name), 'utf8'));
}

function burnRate({ errorBudgetPercent, longWindow }: Window): number {
  return ((errorBudgetPercent / 100) * parseDuration(windows.sloPeriod)) / parseDuration(longWindow);
}

function recorded(name: string, slo?: string) {
  const found = rules.filter(
    (rule) => 'record' in rule && rule.record === name && (slo === undefined || rule.labels?.['slo'] === slo),
  );
  expect(found).toHaveLength(1);
  return found[0]!;
}

/** What a recorded counter reads of the service, through the recorded ones it is made of. */
function readings(name: string, slo: string): string[] {
  const resolve = ({ metric, matchers }: Selector): string[] => {
    if (metric === 'up') return [];
    if (metric !== 'namespace_job_instance_outcome:http_requests:sum') return [describeSelector({ metric, matchers })];
    const outcome = matchers.find(({ label }) => label === 'outcome')?.value;
    return rules
      .filter(
        (rule) =>
          'record' in rule &&
          rule.record === metric &&
          (outcome ?? rule.labels?.['outcome']) === rule.labels?.['outcome'],
      )
      .flatMap(({ expr }) => selectorsOf(expr).flatMap(resolve));
  };
  return merged(selectorsOf(recorded(name, slo).expr).flatMap(resolve));
}

function requestsOf(query: string): string[] {
  return merged(selectorsOf(query).map(describeSelector));
}

/** Of success, rejected and failed together: all. */
function merged(selectors: readonly string[]): string[] {
  const all = ['status=~"2.."', 'status!~"2..|5.."', 'status=~"5.."'];
  const [first = ''] = selectors;
  const base = first.replace(/, status.*\}$/, '}');
  if (selectors.length === all.length && all.every((status) => selectors.some((text) => text.includes(status))))
    return [base];
  return [...selectors];
}

function describeSelector({ metric, matchers }: Pick<Selector, 'metric' | 'matchers'>): string {
  return `${metric}{${matchers.map(({ label, operator, value }) => `${label}${operator}"${value}"`).join(', ')}}`;
}
