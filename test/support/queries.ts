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
    if ('record' in rule) return [{ where: rule.record, expression: rule.expr }];
    const templates = Object.values(rule.annotations).flatMap((text) =>
      [...text.matchAll(/printf\s+"((?:[^"\\]|\\.)*)"[^|}]*\|\s*query/g)].map(([, query = '']) => ({
        where: `an annotation of ${rule.alert}`,
        expression: query.replaceAll('\\"', '"').replaceAll('%q', '"$value"'),
      })),
    );
    return [{ where: rule.alert, expression: rule.expr }, ...templates];
  });
}

function queriesOfDashboards(): Query[] {
  return readDashboards().flatMap(({ name, panels, variables, annotations }) => [
    ...panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }) => ({ where: `${name}, "${title}"`, expression: expr })),
    ),
    ...variables.flatMap((variable) => {
      const { query } = variable as { query?: string | { query?: string } };
      const text = typeof query === 'string' ? query : query?.query;
      const [, expression, label] = /^label_values\((.*), (\w+)\)$/.exec(text ?? '') ?? [];
      return expression === undefined
        ? []
        : [{ where: `${name}, the variable ${variable.name}`, expression: `count by (${label}) (${expression})` }];
    }),
    ...annotations.flatMap(({ name: annotation, ...rest }) => {
      const { expr } = rest as { expr?: string };
      return expr === undefined ? [] : [{ where: `${name}, the annotation "${annotation}"`, expression: expr }];
    }),
  ]);
}
