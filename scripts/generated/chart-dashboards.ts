/** The dashboards once more, inside of the chart: Helm reads no file from outside. */
import { basename } from 'node:path';
import { dashboards } from './dashboards.ts';

export function chartDashboards(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(dashboards()).map(([file, text]) => [
      `deploy/helm/hello-world/files/dashboards/${basename(file)}`,
      text,
    ]),
  );
}
