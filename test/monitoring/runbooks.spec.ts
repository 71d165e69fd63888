import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { runbooks } from '../../scripts/generated/runbooks.ts';
import { RUNBOOKS_URL } from '../../scripts/monitoring/links.ts';
import { selectorsOf } from '../../scripts/monitoring/promql.ts';
import { isAlert, readRules, writeYaml } from '../../scripts/monitoring/rules-file.ts';
import { readDashboards } from '../support/dashboards.js';
import { whyNoTool } from '../support/tools.js';
import { itUnless } from '../support/unless.js';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'monitoring/runbooks');
const SECTIONS = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation', 'Escalation'];

const rules = readRules().groups.flatMap((group) => group.rules);
const alerts = rules.filter(isAlert);
const dashboards = readDashboards();
const files = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8') }));
const pages = files
  .filter(({ name }) => name !== 'README.md')
  .map(({ name, text }) => ({ alert: basename(name, '.md'), text }));

/** Metrics that rules make or that rules and dashboards read: another test holds those to what the service emits. */
const knownMetrics = new Set([
  ...rules.flatMap((rule) => ('record' in rule ? rule.record : [])),
  ...[...rules, ...dashboards.flatMap(({ panels }) => panels.flatMap(({ targets }) => targets))].flatMap(({ expr }) =>
    selectorsOf(expr).map(({ metric }) => metric),
  ),
]);

describe('monitoring/runbooks', () => {
  it('has one page for each alert, where its runbook_url leads, and no other', () => {
    const names = [...new Set(alerts.map(({ alert }) => alert))];

    expect(pages.map(({ alert }) => alert)).toEqual(names.toSorted());
    for (const { alert, annotations } of alerts) expect(annotations['runbook_url']).toBe(`${RUNBOOKS_URL}/${alert}.md`);
  });

  it('says of the rules, the dashboards and the index what they are now', () => {
    for (const [path, text] of Object.entries(runbooks())) expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
  });
});

describe.each(pages)('the runbook of $alert', ({ alert, text }) => {
  const code = codeBlocksOf(text);
  const shell = code.filter(({ language }) => language === 'sh').map(({ content }) => content);
  const queries = code.filter(({ language }) => language === 'promql').map(({ content }) => content);
  /** In blocks and in sentences. */
  const commands = [...shell.flatMap((block) => block.split('\n')), ...inlineCodeOf(text)];

  it('is called like it and has all parts, in their order, none of them empty', () => {
    expect(headingsOf(text, 1)).toEqual([alert]);
    expect(headingsOf(text, 2)).toEqual(SECTIONS);
    for (const section of SECTIONS) expect(sectionOf(text, section).length).toBeGreaterThan(40);
  });

  it('says what fired: query, severity and dashboard', () => {
    const meaning = sectionOf(text, 'Meaning');

    for (const { expr, labels, annotations } of alerts.filter((rule) => rule.alert === alert)) {
      const [, uid = ''] = /\/d\/([\w-]+)/.exec(annotations['dashboard_url'] ?? '') ?? [];
      expect(dashboards.map(({ dashboard }) => dashboard.uid)).toContain(uid);
      expect(meaning).toContain(expr.trim());
      expect(meaning).toContain(`**${labels['severity']}**`);
      expect(meaning).toContain(`\`${uid}\``);
    }
  });

  it('leads through the diagnosis by numbered steps', () => {
    const steps = [...sectionOf(text, 'Diagnosis').matchAll(/^(\d+)\. /gm)].map(([, number]) => Number(number));

    expect(steps.length).toBeGreaterThanOrEqual(3);
    expect(steps).toEqual(steps.map((_step, index) => index + 1));
  });

  it('asks for metrics that exist', () => {
    const asked = [
      ...queries.flatMap((query) => selectorsOf(query).map(({ metric }) => metric)),
      ...inlineCodeOf(text).flatMap(
        (each) => /^[a-z_:]+_(?:total|seconds|bytes|info|max|pending|check)\b/.exec(each) ?? [],
      ),
    ];

    const known = (metric: string) =>
      knownMetrics.has(metric) || (knownMetrics.has(`${metric}_count`) && knownMetrics.has(`${metric}_bucket`));
    expect(asked.filter((metric) => !known(metric))).toEqual([]);
  });

  itUnless(whyNoTool('promtool'))('has queries that Prometheus understands', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'runbook-'));
    const file = join(folder, 'queries.yaml');
    const asked = queries.map((expr, index) => ({ record: `query:${index}`, expr }));

    try {
      writeFileSync(file, writeYaml([], { groups: [{ name: 'queries', rules: asked }] }));

      expect(execFileSync('promtool', ['check', 'rules', '--lint=none', file], { encoding: 'utf8' })).toContain(
        `${queries.length} rules found`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has commands that a shell understands', () => {
    for (const block of shell) {
      const { stderr } = spawnSync('bash', ['-n'], { input: block, encoding: 'utf8' });

      expect(stderr).toBe('');
    }
  });

  it('names services of docker-compose.yml', () => {
    const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
      services: Record<string, unknown>;
    };

    const named = commands.flatMap(composeServicesOf);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !(name in services))).toEqual([]);
  });

  it('asks the service for paths that exist', () => {
    const { paths } = JSON.parse(readFileSync(join(ROOT, 'docs/openapi.json'), 'utf8')) as {
      paths: Record<string, unknown>;
    };

    const asked = commands.flatMap((command) =>
      Array.from(command.matchAll(/\bask '?(\/[\w/]*)/g), ([, path = '']) => path),
    );
    expect(asked.filter((path) => !(path in paths))).toEqual([]);
  });

  it('looks at all pods or at the one in question, and starts nothing in a container of the service', () => {
    const ofAnyPod = commands.filter((command) => /kubectl -n .* (?:logs|port-forward) .*deploy\//.test(command));

    expect(ofAnyPod.filter((command) => !command.includes('--all-pods'))).toEqual([]);
    expect(commands.filter((command) => /kubectl -n .* exec /.test(command))).toEqual([]);
    expect(commands.filter((command) => /curl .*localhost:\d+\//.test(command))).toEqual([]);
  });

  it("asks for no more than an operator's rights, but where it says so", () => {
    const ofOthers = shell
      .flatMap((block) => block.split('\n'))
      .filter((line) => /\bkubectl (?!-n "\$NAMESPACE" )/.test(line) && !line.endsWith(' # by the platform'));

    expect(ofOthers).toEqual([]);
  });

  it('names panels, configuration and parts of the log that exist', () => {
    const titles = new Set(dashboards.flatMap(({ panels }) => panels.map(({ title }) => title)));
    const keys = readFileSync(join(ROOT, '.env.example'), 'utf8');
    const namedPanels = [...text.matchAll(/[Pp]anel \*\*([^*]+)\*\*/g)].map(([, title = '']) => oneLine(title));
    const namedKeys = [...text.matchAll(/`((?:DATABASE|SHUTDOWN|ADMIN|MANAGEMENT|LOG|ENABLE|HTTP)_[A-Z_]+)/g)];
    const namedContexts = [...text.matchAll(/"context":"(\w+)"/g)].map(([, name = '']) => name);

    expect(namedPanels.filter((title) => !titles.has(title))).toEqual([]);
    expect(namedKeys.map(([, key = '']) => key).filter((key) => !keys.includes(`#${key}=`))).toEqual([]);
    expect(namedContexts.filter((name) => !logContexts().has(name))).toEqual([]);
  });
});

describe('the shell of a runbook', () => {
  const [cluster = '', compose = ''] = codeBlocksOf(pages[0]?.text ?? '').flatMap(({ language, content }) =>
    language === 'sh' && content.includes('ask()') ? [content] : [],
  );

  it('asks, in a cluster, a pod that is not ready, and another one by its name', () => {
    const calls = callsOf(`${cluster}\nask '/readyz?verbose'\nPORT=9000 POD=hello-world-5d9c-aaaaa ask /metrics -i`);

    expect(calls.filter((call) => /port-forward|curl/.test(call))).toEqual([
      'kubectl -n hello-world port-forward pod/hello-world-5d9c-ccccc 8081:8080',
      'curl -s -w \\n http://localhost:8081/readyz?verbose',
      'kubectl -n hello-world port-forward pod/hello-world-5d9c-aaaaa 8081:9000',
      'curl -s -w \\n http://localhost:8081/metrics -i',
    ]);
  });

  it('asks, with docker compose, the service', () => {
    expect(callsOf(`${compose}\nask /livez`)).toEqual(['curl -s -w \\n http://localhost:8080/livez']);
  });
});

describe.each(files)('the links of monitoring/runbooks/$name', ({ name, text }) => {
  it('lead somewhere', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];

    const broken = links.filter(([, path = '', anchor]) => {
      const target = path === '' ? join(FOLDER, name) : join(dirname(join(FOLDER, name)), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !headingsOf(readFileSync(target, 'utf8')).map(anchorOf).includes(anchor);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

/** What `kubectl` says of three pods, of which the last is not ready. */
const PODS = ['aaaaa   1/1     Running', 'bbbbb   1/1     Running', 'ccccc   0/1     Running']
  .map((pod) => `hello-world-5d9c-${pod}   0          3m`)
  .join('\n');

/** The calls of programs that a script makes, one a line, by programs that only write down how they were called. */
function callsOf(script: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'runbook-'));
  const log = join(folder, 'calls');
  const stub = (name: string, rest = ''): void =>
    writeFileSync(join(folder, name), `#!/bin/bash\necho "${name} $*" >> '${log}'\n${rest}`, { mode: 0o755 });

  try {
    stub('kubectl', `case "$*" in *--no-headers*) echo '${PODS}' ;; *port-forward*) exec /bin/sleep 30 ;; esac\n`);
    stub('curl');
    // The forwarding has been written down by the time that it takes in earnest.
    writeFileSync(join(folder, 'sleep'), `#!/bin/bash\nexec /bin/sleep 0.2\n`, { mode: 0o755 });
    const { status, stderr } = spawnSync('bash', ['-c', `${script}\ntrue`], {
      env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    return readFileSync(log, 'utf8').trim().split('\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface CodeBlock {
  readonly language: string;
  readonly content: string;
}

/** Those in a list as well, without its indentation. */
function codeBlocksOf(text: string): CodeBlock[] {
  return Array.from(
    text.matchAll(/^( *)```(\w*)\n([^]*?)\n\1```$/gm),
    ([, indentation = '', language = '', content = '']) => ({
      language,
      content: content.replaceAll(new RegExp(`^${indentation}`, 'gm'), ''),
    }),
  );
}

function inlineCodeOf(text: string): string[] {
  const sentences = text.replaceAll(/^ *```[^]*?^ *```$/gm, '');
  return Array.from(sentences.matchAll(/`([^`]+)`/g), ([, code = '']) => oneLine(code));
}

function headingsOf(text: string, level?: number): string[] {
  const marks = level === undefined ? '#{1,6}' : `#{${level}}`;
  return Array.from(text.matchAll(new RegExp(`^${marks} (.+)$`, 'gm')), ([, heading = '']) => heading);
}

function sectionOf(text: string, heading: string): string {
  const [, section = ''] = text.split(new RegExp(`^## ${heading}$`, 'm'));
  return section.split(/^## /m)[0]?.trim() ?? '';
}

/** As GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\s-]/g, '')
    .replaceAll(' ', '-');
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

const COMPOSE = /docker compose ([^|&;]+)/g;
/** Options that are followed by a value of their own. */
const VALUED = new Set(['--tail', '--since', '--env']);
/** What takes one service and then a command or a port. */
const TAKES_ONE = new Set(['exec', 'run', 'port']);

/** The services that `docker compose` is asked for. */
function composeServicesOf(line: string): string[] {
  return [...line.matchAll(COMPOSE)].flatMap(([, rest = '']) => {
    const [command = '', ...args] = rest.trim().split(/\s+/);
    const names = args.filter((arg, index) => !arg.startsWith('-') && !VALUED.has(args[index - 1] ?? ''));
    return TAKES_ONE.has(command) ? names.slice(0, 1) : names;
  });
}

/** What lines of the log have as their `context`. */
function logContexts(): Set<string> {
  const loggers = execFileSync(
    'grep',
    ['-rhoE', String.raw`new Logger\([^)]+\)`, join(ROOT, 'libs'), join(ROOT, 'apps')],
    {
      encoding: 'utf8',
    },
  );
  return new Set(Array.from(loggers.matchAll(/\('?(\w+)/g), ([, name = '']) => name));
}
