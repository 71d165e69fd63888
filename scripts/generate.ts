/**
 * Writes the files that are made from others (scripts/generated/): each function there gives them by name. `--check`
 * writes nothing and fails where one of them is not current.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chartDashboards } from './generated/chart-dashboards.ts';
import { chartFlagd } from './generated/chart-flagd.ts';
import { configuration } from './generated/configuration.ts';
import { dashboards } from './generated/dashboards.ts';
import { openApi } from './generated/openapi.ts';
import { platformImages } from './generated/platform-images.ts';
import { prometheusRules } from './generated/prometheus-rules.ts';
import { runbooks } from './generated/runbooks.ts';

const root = new URL('../', import.meta.url);
const checkOnly = process.argv.includes('--check');

const generated: Record<string, string> = {
  ...configuration(),
  ...(await openApi()),
  ...dashboards(),
  ...chartDashboards(),
  ...prometheusRules(),
  ...runbooks(),
  ...platformImages(),
  ...chartFlagd(),
};

const stale: string[] = [];
for (const [name, text] of Object.entries(generated)) {
  const file = new URL(name, root);
  let current = '';
  try {
    current = readFileSync(file, 'utf8');
  } catch {
    // Not there yet.
  }
  if (current === text) continue;
  stale.push(name);
  if (checkOnly) continue;
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, text);
}
if (checkOnly && stale.length > 0) {
  console.error(`not current: ${stale.join(', ')}; run \`npm run generate\` and commit the result`);
  process.exitCode = 1;
} else console.log(stale.length > 0 ? `wrote ${stale.join(', ')}` : 'generated files are current');
