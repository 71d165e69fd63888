import { readRules } from '../../scripts/monitoring/rules-file.ts';
import { readDashboards } from './dashboards.js';

/** A query that something in monitoring/ makes, and what that is. */
export interface Query {
  readonly where: string;
  readonly expression: string;
}

const rules = readRules().groups.flatMap((group) => group.rules);

/** Every query of a rule, of the annotations of an alert, and of a panel, a variable or an annotation of a dashboard. */
export function everyQuery(): Query[] {
  return [...queriesOfRules(), ...queriesOfDashboards()];
}

/** Labels of each recorded series: those of its level, of which the rule may give some itself. */
export function recordedSeries(): Map<string, Set<string>> {
  const series = new Map<string, Set<string>>();
  for (const rule of rules) {
    if (!('record' in rule)) continue;
    const [level = ''] = rule.record.split(':');
    series.set(rule.record, new Set(level.split('_')));
  }
  return series;
}

function queriesOfRules(): Query[] {
  return rules.flatMap((rule) => {
    if ('record' in rule) return { where: rule.record, expression: rule.expr };
    return [{ where: rule.alert, expression: rule.expr }].concat(
      Object.values(rule.annotations).flatMap(queriesIn(rule.alert)),
    );
  });
}

/** Queries that a template of an annotation makes, with some value for what it puts in. */
function queriesIn(alert: string): (template: string) => Query[] {
  return (template) =>
    Array.from(template.matchAll(/printf\s+"((?:[^"\\]|\\.)*)"[^|}]*\|\s*query/g), ([, query = '']) => ({
      where: `an annotation of ${alert}`,
      expression: query.replaceAll('\\"', '"').replaceAll('%q', '"$value"'),
    }));
}

function queriesOfDashboards(): Query[] {
  return readDashboards().flatMap(({ name, panels, variables, annotations }) =>
    [
      panels.flatMap(({ title, targets }) =>
        targets.map(({ expr }) => ({ where: `${name}, "${title}"`, expression: expr })),
      ),
      variables.flatMap(({ name: variable, query }) => {
        const text = typeof query === 'string' ? query : (query as { query?: string } | undefined)?.query;
        const [, expression, label] = /^label_values\((.*), (\w+)\)$/.exec(text ?? '') ?? [];
        return expression === undefined
          ? []
          : { where: `${name}, the variable ${variable}`, expression: `count by (${label}) (${expression})` };
      }),
      annotations.flatMap((annotation) =>
        'expr' in annotation
          ? { where: `${name}, the annotation "${annotation.name}"`, expression: annotation.expr }
          : [],
      ),
    ].flat(),
  );
}
