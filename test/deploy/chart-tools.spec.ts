/** What the usual tools say of the chart: helm lint, kubeconform, kube-score, checkov, helm-unittest, helm-docs. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CHART, helm, KUBERNETES_VERSIONS, template, VALUE_SETS } from '../support/helm.js';
import { kubeSchemas } from '../support/kube-schemas.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

const SETS = Object.keys(VALUE_SETS);
/** Those that are meant to be as good as it gets; the others switch something off, or add what is not ours. */
const STRICT_SETS = ['default', 'non-prod', 'prod'];
const SLOW = 300_000;

const schemas = await kubeSchemas();

interface Run {
  readonly status: number | null;
  readonly output: string;
}

function run(command: string, args: readonly string[], input = '', cwd = CHART): Run {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', input, cwd });
  if (error) throw error;
  return { status, output: stdout + stderr };
}

function manifests(set: string, kubeVersion?: string): string {
  const { ok, stdout, stderr } = template(VALUE_SETS[set]!, kubeVersion === undefined ? {} : { kubeVersion });
  if (!ok) throw new Error(stderr);
  return stdout;
}

describeUnless(whyNoTool('helm'))('helm', () => {
  it.each(SETS)('lint --strict → has nothing to say: %s', (set) => {
    const { ok, stdout } = helm(['lint', '--strict', CHART, '--values', '-'], JSON.stringify(VALUE_SETS[set]));

    expect(stdout).not.toMatch(/\[(ERROR|WARNING)\]/);
    expect(ok).toBe(true);
  });

  it.each(KUBERNETES_VERSIONS)('template → renders each value set alike for Kubernetes %s', (kubeVersion) => {
    for (const set of SETS) expect(manifests(set, kubeVersion)).toBe(manifests(set));
  });

  it('template → refuses a Kubernetes that lacks what the chart uses', () => {
    const { ok, stderr } = template(VALUE_SETS['default']!, { kubeVersion: '1.29.9' });

    expect(stderr).toContain('requires kubeVersion: >=1.30.0-0 which is incompatible');
    expect(ok).toBe(false);
  });

  it('package → holds what an install needs, and nothing else', () => {
    const folder = mkdtempSync(join(tmpdir(), 'chart-'));
    try {
      expect(helm(['package', CHART, '--destination', folder])).toMatchObject({ ok: true });
      const packaged = readdirSync(folder).map((file) => join(folder, file));
      const { output } = run('tar', ['-tzf', ...packaged]);

      expect(output).toMatch(/templates\/tests\/smoke\.yaml[^]*files\/dashboards\/hello-world-slo\.json/);
      expect(output).not.toMatch(/hello-world\/(ci|tests)\/|gotmpl/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describeUnless(whyNoTool('helm') ?? schemas.missing)('kubeconform', () => {
  const kubeconform = (version: string, text: string) =>
    run('kubeconform', ['-strict', '-summary', '-kubernetes-version', version, ...schemas.args], text);

  describe.each(schemas.versions)('for Kubernetes %s', (version) => {
    it.each(SETS)('knows each field of each object: %s', (set) => {
      const { status, output } = kubeconform(version, manifests(set));

      expect(output).toMatch(/Invalid: 0, Errors: 0, Skipped: 0/);
      expect(status).toBe(0);
    });
  });

  it('(22) a field that a network policy does not have → is found', () => {
    const text = manifests('default').replaceAll('podSelector:', 'podSelectors:');

    expect(kubeconform(schemas.versions.at(-1)!, text)).toMatchObject({ status: 1 });
  });
});

describeUnless(whyNoTool('helm') ?? whyNoTool('kube-score'))('kube-score', () => {
  it.each(STRICT_SETS)('has nothing to say: %s', (set) => {
    const { status, output } = run(
      'kube-score',
      [
        'score',
        '--exit-one-on-warning',
        '--output-format=ci',
        // A limit on CPU slows requests down while the node is idle.
        '--ignore-container-cpu-limit',
        // Tags are never pushed twice, and digests can't be: nothing is gained by asking the registry at each start.
        '--ignore-test=container-image-pull-policy',
        // The pods are spread by constraints.
        '--ignore-test=deployment-has-host-podantiaffinity',
        '-',
      ],
      manifests(set),
    );

    expect(output.match(/^\[(CRITICAL|WARNING)\].*$/gm)).toBeNull();
    expect(status).toBe(0);
  });
});

describeUnless(whyNoTool('helm') ?? whyNoTool('checkov'))('checkov', () => {
  // CPU limits: as above. A pod that asks and ends has nothing to probe.
  const accepted = /CKV_K8S_11 |CKV_K8S_[89] Pod\./;

  it.each(['non-prod', 'prod'])(
    'has nothing to say: %s',
    (set) => {
      const folder = mkdtempSync(join(tmpdir(), 'checkov-'));
      try {
        const text = helm(
          ['template', 'hello-world', CHART, '--namespace', 'hello-world', '--output-dir', folder, '--values', '-'],
          JSON.stringify(VALUE_SETS[set]),
        );
        expect(text).toMatchObject({ ok: true });

        const { output } = run('checkov', [
          '--directory',
          folder,
          '--framework=kubernetes',
          '--skip-download',
          '--output=json',
          '--quiet',
        ]);

        const report = JSON.parse(output.slice(output.indexOf('{'))) as {
          summary: { passed: number };
          results: { failed_checks: { check_id: string; resource: string }[] };
        };
        const failed = report.results.failed_checks.map(({ check_id, resource }) => `${check_id} ${resource}`);
        expect(report.summary.passed).toBeGreaterThan(50);
        expect(failed.filter((check) => !accepted.test(check))).toEqual([]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    SLOW,
  );
});

describeUnless(whyNoTool('helm-unittest'))('helm-unittest', () => {
  it('passes, and its snapshots are current', () => {
    const { status, output } = run('helm-unittest', ['--strict', '.']);

    expect({ status, output }).toMatchObject({ status: 0 });
    expect(output).not.toMatch(/snapshots? (obsolete|written)/i);
  });
});

describeUnless(whyNoTool('helm-docs'))('helm-docs', () => {
  it('the README is what it makes of the values', () => {
    const folder = mkdtempSync(join(tmpdir(), 'helm-docs-'));
    try {
      for (const file of ['Chart.yaml', 'values.yaml', 'README.md.gotmpl'])
        copyFileSync(join(CHART, file), join(folder, file));

      run('helm-docs', ['--chart-search-root', folder, '--skip-version-footer'], '', folder);

      expect(readFileSync(join(CHART, 'README.md'), 'utf8')).toBe(readFileSync(join(folder, 'README.md'), 'utf8'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
