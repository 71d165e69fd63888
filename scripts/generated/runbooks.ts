/**
 * What is made for the runbooks from the rules and the dashboards: the part on the rule and the shell to begin with, in
 * each of them, and the index. The rest of a runbook is written by hand.
 */
import { readFileSync } from 'node:fs';
import { LOCAL_GRAFANA_URL, RUNBOOKS_URL } from '../monitoring/links.ts';
import { type AlertingRule, isAlert, type RuleGroup, readRules } from '../monitoring/rules-file.ts';
import { dashboards } from './dashboards.ts';
import { withGeneratedPart } from './generated-part.ts';

const FOLDER = 'monitoring/runbooks';

/** What of a dashboard matters here. */
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly { readonly title: string; readonly links?: readonly { readonly url: string }[] }[];
}

interface Alert {
  readonly name: string;
  /** More than one where it has more than one severity. */
  readonly rules: readonly { readonly rule: AlertingRule; readonly group: RuleGroup }[];
}

export function runbooks(): Record<string, string> {
  const alerts = alertsOfRules();
  const shown = Object.values(dashboards()).map((json) => JSON.parse(json) as Dashboard);
  const pages = alerts.map((alert) => {
    const path = `${FOLDER}/${alert.name}.md`;
    const withRule = replacePart(path, textOf(path), 'the rule', rulePart(alert, shown));
    return [path, replacePart(path, withRule, 'the shell', SHELL)] as const;
  });
  const index = `${FOLDER}/README.md`;
  const rows = pages.map(([, text], at) => indexRow(alerts[at] as Alert, text));
  const table = ['| alert | severity | it says |', '| --- | --- | --- |', ...rows].join('\n');
  return { ...Object.fromEntries(pages), [index]: replacePart(index, textOf(index), 'the index', table) };
}

/** In the order of the rules. */
function alertsOfRules(): Alert[] {
  const all = readRules().groups.flatMap((group) => group.rules.filter(isAlert).map((rule) => ({ rule, group })));
  const names = new Set(all.map(({ rule }) => rule.alert));
  return [...names].map((name) => ({ name, rules: all.filter(({ rule }) => rule.alert === name) }));
}

function rulePart({ name, rules }: Alert, shown: readonly Dashboard[]): string {
  const queries = rules.map(({ rule, group }) => {
    const begins =
      rule.for === undefined ? 'as soon as the query has a result' : `once the query has had a result for ${rule.for}`;
    const ends = rule.keep_firing_for === undefined ? '' : `, until it has had none for ${rule.keep_firing_for}`;
    return [
      `**${rule.labels['severity']}**, ${begins}${ends}; evaluated every ${group.interval}:`,
      `\`\`\`promql\n${rule.expr.trim()}\n\`\`\``,
    ].join('\n\n');
  });
  const places = shown.flatMap(({ uid, panels }) => {
    const titles = panels.filter(({ links }) => links?.some(({ url }) => url === `${RUNBOOKS_URL}/${name}.md`));
    if (titles.length === 0) return [];
    return `- [\`${uid}\`](${LOCAL_GRAFANA_URL}/d/${uid}): ${titles.map(({ title }) => `**${title}**`).join(', ')}`;
  });
  return [...queries, `Dashboards and panels:\n\n${places.join('\n')}`].join('\n\n');
}

/** Tools that every step of a diagnosis may use, so that a page can be followed from its top by pasting. */
const SHELL = `In a cluster, with the labels of the alert:

\`\`\`sh
NAMESPACE=hello-world JOB=hello-world
PORT=8080 # or that of MANAGEMENT_PORT, where it is set
PODS=app.kubernetes.io/name=hello-world,app.kubernetes.io/component=service
logs() { kubectl -n "$NAMESPACE" logs "deploy/$JOB" --all-pods=true --prefix --since="\${1:-15m}"; }
ask() (
  kubectl -n "$NAMESPACE" port-forward "pod/$POD" "8081:$PORT" > /dev/null & sleep 2
  curl -s -w '\\n' "http://localhost:8081$1" "\${@:2}"
  kill $!
)
POD=$(kubectl -n "$NAMESPACE" get pods -l "$PODS" --field-selector=status.phase=Running --no-headers | sort -k 2 | awk 'NR == 1 { print $1 }')
kubectl -n "$NAMESPACE" get pods -l "$PODS" -o wide
\`\`\`

\`$POD\` is the pod that is asked: one that is not ready, if there is one. Where a step finds another \`instance\`, which is a
pod's address, look that up in the list and set \`POD\` to its name. (\`deploy/$JOB\` would lead to a pod that is ready.)

With \`docker compose\` instead, where the namespace is \`local\`:

\`\`\`sh
logs() { docker compose logs --no-log-prefix --since "\${1:-15m}" hello-world; }
ask() { curl -s -w '\\n' "http://localhost:8080$1" "\${@:2}"; }
\`\`\`

Of commands in one block, those for \`kubectl\` are for a cluster and those for \`docker compose\` for that. Queries go into
Prometheus (<http://localhost:9090> with \`docker compose\`), with the namespace and job of the alert.`;

function indexRow({ name, rules }: Alert, text: string): string {
  const severities = rules.map(({ rule }) => rule.labels['severity']);
  const [, says = ''] = /^# .+\n\n(.+)\n/.exec(text) ?? [];
  return `| [${name}](${name}.md) | ${severities.join(', ')} | ${says} |`;
}

function textOf(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

function replacePart(page: string, text: string, name: string, content: string): string {
  return withGeneratedPart(text, { page, by: `\`npm run generate\`: ${name}` }, `\n${content}\n`);
}
