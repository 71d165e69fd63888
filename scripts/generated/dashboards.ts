/** What Grafana loads: each dashboard of monitoring/grafana/src as JSON. */
import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { flagsDashboard } from '../../monitoring/grafana/src/flags.dashboard.ts';
import { runtimeDashboard } from '../../monitoring/grafana/src/runtime.dashboard.ts';
import { serviceDashboard } from '../../monitoring/grafana/src/service.dashboard.ts';
import { sloDashboard } from '../../monitoring/grafana/src/slo.dashboard.ts';

export function dashboards(): Record<string, string> {
  const all: readonly Dashboard[] = [serviceDashboard(), sloDashboard(), runtimeDashboard(), flagsDashboard()];
  return Object.fromEntries(
    all.map((dashboard) => [
      `monitoring/grafana/dashboards/${dashboard.uid}.json`,
      `${JSON.stringify(dashboard, undefined, 2)}\n`,
    ]),
  );
}
