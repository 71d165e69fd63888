/** The frame that all dashboards share. */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  type Panel,
  RowBuilder,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { alerts, deploys, flagChanges } from './annotations.ts';
import { TAG, toDashboards, toRunbooks } from './links.ts';

export interface DashboardOptions {
  /** Part of its address, `/d/<uid>`, which alerts link to. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** How much it shows at first, up to now. */
  readonly from: string;
  /** How often it is renewed. */
  readonly refresh: string;
  readonly variables: readonly Builder<VariableModel>[];
  /** Panels by the heading above them. */
  readonly rows: Readonly<Record<string, readonly Builder<Panel>[]>>;
}

export function dashboard({ uid, title, description, from, refresh, variables, rows }: DashboardOptions): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG, 'generated'])
    .timezone('browser')
    .time({ from, to: 'now' })
    .refresh(refresh)
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .variables([...variables])
    .annotations([deploys(), flagChanges(), alerts()])
    .links([toDashboards(), toRunbooks()]);
  for (const [heading, panels] of Object.entries(rows)) {
    builder.withRow(new RowBuilder(heading));
    for (const panel of panels) builder.withPanel(panel);
  }
  const built = builder.build();
  // Panels are told apart by a number, which is part of links to one of them.
  for (const [index, panel] of (built.panels ?? []).entries()) panel.id = index + 1;
  return built;
}
