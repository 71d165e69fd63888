/** Option B, the platform's generic chart: its values are values that the chart reads, and the pod runs here. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { DIGEST, FLUX, FluxTree, objectsOf, releaseOf } from '../support/flux.js';
import { helm, type KubeObject, podOf, theOne, type Values } from '../support/helm.js';
import { refusals } from '../support/pod-security.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

/** Where the chart is public; `PLATFORM_DESIGN` names a clone of it, or of a fork. */
const PLATFORM_DESIGN = 'https://github.com/IgorGerasimow/platform-design';
const REACHABLE_WITHIN_MS = 20_000;

const recorded = parse(readFileSync(join(FLUX, 'option-b/helm-app-values.yaml'), 'utf8')) as {
  values: string[];
  withoutDefault: string[];
  containerPort: number;
};

const temporary = mkdtempSync(join(tmpdir(), 'option-b-'));
const tree = new FluxTree();
afterAll(() => {
  tree.remove();
  rmSync(temporary, { recursive: true, force: true });
});

const chart = join(process.env['PLATFORM_DESIGN'] || cloned(), 'helm/app');
const noChart = existsSync(chart) ? undefined : `PLATFORM_DESIGN is not set, and ${PLATFORM_DESIGN} cannot be reached`;

function cloned(): string {
  const folder = join(temporary, 'platform-design');
  spawnSync('git', ['clone', '--quiet', '--depth=1', PLATFORM_DESIGN, folder], {
    timeout: REACHABLE_WITHIN_MS,
    env: { ...process.env, GIT_TERMINAL_PROMPT: '0' },
  });
  return folder;
}

/** `a.b` of `{ a: { b: 1 } }`; an empty map counts as a value. */
function paths(values: Values, before: readonly string[] = []): string[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const isMap = typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    return isMap ? paths(value as Values, [...before, key]) : [[...before, key].join('.')];
  });
}

interface Patch {
  readonly target: { readonly kind: string; readonly name: string };
  readonly patch: string;
}

/** What the chart makes, and Flux patches. */
function released(): KubeObject[] {
  const { name, namespace, values, object } = releaseOf(tree.build('option-b'));
  const [renderer] = (object.spec as { postRenderers: { kustomize: { patches: Patch[] } }[] }).postRenderers;
  const { ok, stdout, stderr } = helm(
    ['template', name, chart, '--namespace', namespace, '--values', '-'],
    JSON.stringify(values),
  );
  if (!ok) throw new Error(stderr);
  writeFileSync(join(temporary, 'chart.yaml'), stdout);
  writeFileSync(
    join(temporary, 'kustomization.yaml'),
    stringify({ resources: ['chart.yaml'], patches: renderer?.kustomize.patches }),
  );
  return objectsOf(execFileSync('kustomize', ['build', temporary], { encoding: 'utf8' }));
}

describeUnless(whyNoTool('kustomize'))('option B', () => {
  it('has no value that the platform’s chart does not read', () => {
    const { values } = releaseOf(tree.build('option-b'));
    const known = new Set([...recorded.values, ...recorded.withoutDefault]);

    expect(paths(values).length).toBeGreaterThan(5);
    expect(paths(values).filter((path) => !known.has(path))).toEqual([]);
  });

  it('takes the chart from the platform’s repository, looked for each minute', () => {
    const objects = tree.build('option-b');

    expect(theOne(objects, 'GitRepository', 'platform-design').spec).toMatchObject({
      interval: '1m',
      url: 'https://github.com/acme/platform-design',
    });
    expect(releaseOf(objects).object.spec).toMatchObject({
      chart: { spec: { chart: 'helm/app', sourceRef: { kind: 'GitRepository', name: 'platform-design' } } },
      serviceAccountName: 'hello-world-reconciler',
    });
  });
});

describeUnless(whyNoTool('kustomize') ?? whyNoTool('helm') ?? noChart)('option B, with the platform’s chart', () => {
  it('the recorded values are those of the chart', () => {
    const values = parse(readFileSync(join(chart, 'values.yaml'), 'utf8')) as Values;
    const templates = execFileSync('cat', [join(chart, 'templates/deployment.yaml')], { encoding: 'utf8' });

    expect(recorded.values).toEqual(paths(values).sort());
    expect(templates).toContain(`containerPort: ${recorded.containerPort}`);
  });

  it('the pod listens where the image does, runs by digest, and is not refused by its namespace', () => {
    const pod = podOf(theOne(released(), 'Deployment', 'hello-world'));

    expect(refusals(pod)).toEqual([]);
    expect(pod.containers).toEqual([
      expect.objectContaining({
        image: expect.stringMatching(new RegExp(`/acme/hello-world:0\\.1\\.0@${DIGEST}$`)),
        ports: [expect.objectContaining({ name: 'http', containerPort: 8080 })],
        startupProbe: expect.anything(),
        readinessProbe: expect.anything(),
        livenessProbe: expect.anything(),
        resources: { requests: expect.anything(), limits: expect.anything() },
      }),
    ]);
  });

  it('the Service leads to that port, and nothing needs an API that is no longer served', () => {
    const objects = released();

    expect(theOne(objects, 'Service', 'hello-world').spec).toMatchObject({ ports: [{ port: 80, targetPort: 'http' }] });
    expect(objects.map(({ kind }) => kind).sort()).toEqual(['Deployment', 'Service']);
  });
});
