/** Mistakes of an earlier delivery, by their numbers there: none of them comes back. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { ENVIRONMENTS, FLUX, FluxTree, LAYERS, type Release, releaseOf, renderRelease } from '../support/flux.js';
import { containers, type KubeObject, ofKind, pods, servicePod, theOne } from '../support/helm.js';
import { refusals } from '../support/pod-security.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

/** Versions that an API server of today serves, of the groups whose older ones are still copied around. */
const SERVED: Readonly<Record<string, string>> = {
  'external-secrets.io': 'v1',
  'helm.toolkit.fluxcd.io': 'v2',
  'kustomize.toolkit.fluxcd.io': 'v1',
  'source.toolkit.fluxcd.io': 'v1',
  'notification.toolkit.fluxcd.io': 'v1beta3',
  'admissionregistration.k8s.io': 'v1',
  'rbac.authorization.k8s.io': 'v1',
};

const tree = new FluxTree();
afterAll(() => tree.remove());

const everything = (): KubeObject[] => LAYERS.flatMap((layer) => tree.build(layer));
const releaseIn = (environment: string): Release => releaseOf(tree.build(`${environment}/release`));

describeUnless(whyNoTool('kustomize') ?? whyNoTool('helm'))('the delivery does not repeat', () => {
  it('35, a namespace without Pod Security labels: each that is used is made here, and none by Helm', () => {
    const objects = everything();
    const made = ofKind(objects, 'Namespace');

    const used = new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []));

    expect([...used].sort()).toEqual(['flux-system', ...made.map(({ metadata }) => metadata.name)].sort());
    for (const { metadata } of made) {
      for (const mode of ['enforce', 'audit', 'warn']) {
        expect(metadata.labels).toMatchObject({ [`pod-security.kubernetes.io/${mode}`]: 'restricted' });
        expect(metadata.labels?.[`pod-security.kubernetes.io/${mode}-version`]).toMatch(/^v1\.\d+$/);
      }
    }
    for (const { spec } of ofKind(objects, 'HelmRelease'))
      expect(JSON.stringify(spec)).not.toContain('createNamespace');
  });

  it.each(ENVIRONMENTS)('36, pods that their own namespace refuses: %s', (environment) => {
    const found = pods(renderRelease(releaseIn(environment)));

    expect(new Set(found.map(([name]) => name.split(' ')[0]))).toEqual(new Set(['Deployment', 'Job', 'Pod']));
    expect(found.map(([name, pod]) => [name, refusals(pod)])).toEqual(found.map(([name]) => [name, []]));
  });

  it('36, and the check would find one', () => {
    const good = servicePod(renderRelease(releaseIn('prod')));

    expect(refusals({ containers: [{ name: 'a', image: 'a' }], hostNetwork: true })).toHaveLength(5);
    expect(refusals({ ...good, volumes: [{ name: 'docker', hostPath: {} }] })).toEqual(['volume docker']);
  });

  it('37, the release of another chart: each is of this one', () => {
    const { chart } = releaseIn('non-prod').object.spec as { chart: { spec: { chart: string; sourceRef: unknown } } };
    const { chartRef } = releaseIn('prod').object.spec as { chartRef: { kind: string; name: string } };
    const pushed = theOne(tree.build('prod/release'), chartRef.kind, chartRef.name).spec as { url: string };

    expect(chart.spec).toMatchObject({
      chart: './deploy/helm/hello-world',
      sourceRef: { kind: 'GitRepository', name: 'hello-world-non-prod' },
    });
    expect(pushed.url).toMatch(/^oci:\/\/.*\/charts\/hello-world$/);
  });

  it.each(ENVIRONMENTS)('37, and so probes, autoscaler, budget and policies reach the cluster: %s', (environment) => {
    const objects = renderRelease(releaseIn(environment));
    const [service] = servicePod(objects).containers;

    expect(service).toMatchObject({ startupProbe: {}, readinessProbe: {}, livenessProbe: {} });
    expect(service?.ports).toContainEqual({ name: 'http', containerPort: 8080 });
    for (const kind of ['HorizontalPodAutoscaler', 'PodDisruptionBudget', 'Ingress', 'Certificate', 'ServiceMonitor']) {
      expect(ofKind(objects, kind)).toHaveLength(1);
    }
    expect(ofKind(objects, 'NetworkPolicy').length).toBeGreaterThan(1);
  });

  it.each(ENVIRONMENTS)('38, `latest`, which never rolls out: each image is one digest: %s', (environment) => {
    const images = pods(renderRelease(releaseIn(environment))).flatMap(([, pod]) =>
      containers(pod).map(({ image }) => image),
    );

    expect(images.length).toBeGreaterThan(2);
    for (const image of images) expect(image).toMatch(/^(?!.*:latest)[^@]+\/hello-world:[^@]+@sha256:[0-9a-f]{64}$/);
  });

  it('39, placeholders that are applied: see flux-identity.spec.ts; and none is written where it could not fail', () => {
    const written = ENVIRONMENTS.map((environment) =>
      readFileSync(join(FLUX, environment, 'release/hello-world-helmrelease.yaml'), 'utf8'),
    );

    for (const text of written) {
      const { image } = (parse(text) as { spec: { values: { image: Record<string, string | null> } } }).spec.values;
      expect(Object.keys(image)).toEqual(['tag', 'digest']);
      expect(image['digest'] ?? 'not set').toMatch(/^(sha256:(?!(.)\2{63})[0-9a-f]{64}|not set)$/);
      expect(image['tag'] ?? 'not set').not.toMatch(/latest|[<>$]/);
    }
  });

  it.each(ENVIRONMENTS)(
    '40, rules that nobody applies: they are in the release, as the operator wants them: %s',
    (name) => {
      const rule = theOne(renderRelease(releaseIn(name)), 'PrometheusRule');

      const alerts = JSON.stringify(rule.spec).match(/"alert":"HelloWorld\w+"/g) ?? [];

      expect(rule.metadata.labels).toMatchObject({ release: 'kube-prometheus-stack' });
      expect(rule.metadata.namespace).toBe(`hello-world-${name}`);
      expect(alerts.length).toBeGreaterThanOrEqual(20);
    },
  );

  it('41, one release for two environments: they share neither namespace, nor steps, nor name, nor what they run', () => {
    const of = (name: string) => tree.build(name).concat(tree.build(`${name}/release`));
    const [nonProd, prod] = [of('non-prod'), of('prod')];
    const identities = (objects: readonly KubeObject[]) =>
      objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`);

    const shared = identities(nonProd).filter((identity) => identities(prod).includes(identity));

    expect(shared).toEqual([]);
    expect(releaseOf(nonProd).values).toMatchObject({ environment: 'non-prod' });
    expect(releaseOf(prod).values).toMatchObject({ environment: 'prod' });
    expect(releaseOf(nonProd).values['ingress']).not.toEqual(releaseOf(prod).values['ingress']);
  });

  it('42, versions of an API that nobody serves any more', () => {
    const groups = everything()
      .map(({ apiVersion }) => apiVersion.split('/') as [string, string | undefined])
      .filter(([group]) => group in SERVED);

    expect(new Set(groups.map(([group]) => group))).toEqual(new Set(Object.keys(SERVED)));
    for (const [group, version] of groups) expect([group, version]).toEqual([group, SERVED[group]]);
  });
});
