import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AnnotationQuery, Dashboard, Panel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';

const FOLDER = resolve(import.meta.dirname, '../../monitoring/grafana/dashboards');

/** A panel that shows data. */
export interface DataPanel extends Panel {
  readonly title: string;
  readonly targets: Dataquery[];
}

/** One of the dashboards as Grafana loads it. */
export interface DashboardFile {
  /** Its name without `.json`. */
  readonly name: string;
  readonly dashboard: Dashboard;
  readonly panels: readonly DataPanel[];
  readonly variables: readonly VariableModel[];
  readonly annotations: readonly AnnotationQuery[];
}

export function readDashboards(): DashboardFile[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => {
      const dashboard = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Dashboard;
      return {
        name: file.slice(0, -'.json'.length),
        dashboard,
        panels: (dashboard.panels ?? []).filter(({ type }) => type !== 'row') as DataPanel[],
        variables: dashboard.templating.list ?? [],
        annotations: dashboard.annotations.list ?? [],
      };
    });
}

/** What a reader has chosen: of a variable that takes several, a list. */
export type Choices = Readonly<Record<string, string | readonly string[]>>;

/**
 * Puts the choices into an expression as Grafana does: one value as it is; a choice of several as a regular
 * expression, escaped once for itself and once for the string of PromQL that it stands in.
 *
 * @throws when there is no such variable
 */
export function interpolate(text: string, choices: Choices): string {
  return text.replace(/\$(?:(\w+)|\{(\w+)\})/g, (variable, plain?: string, braced?: string) => {
    const choice = choices[plain ?? braced ?? ''];
    if (choice === undefined) throw new Error(`no variable ${variable}: ${text}`);
    if (typeof choice === 'string') return choice;
    const alternatives = choice.map((value) => value.replace(/[$()*+.?[\\\]^{|}]/g, String.raw`\\$&`));
    return alternatives.length === 1 ? (alternatives[0] ?? '') : `(${alternatives.join('|')})`;
  });
}
