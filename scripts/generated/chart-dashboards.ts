/** The dashboards once more, inside of the chart: Helm reads no file from outside. */
import { basename } from 'node:path';
import { RUNBOOKS_URL } from '../monitoring/links.ts';
import { dashboards } from './dashboards.ts';
import { RUNBOOKS_URL_PLACEHOLDER } from './prometheus-rules.ts';

export function chartDashboards(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(dashboards()).map(([file, text]) => [
      `deploy/helm/hello-world/files/dashboards/${basename(file)}`,
      text.replaceAll(RUNBOOKS_URL, RUNBOOKS_URL_PLACEHOLDER),
    ]),
  );
}
