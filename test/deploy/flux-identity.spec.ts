/** No placeholder can reach a cluster: what a fork must set is in one file, and what is not set fails the render. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { ACME, ENVIRONMENTS, FLUX, FluxTree, IDENTITY_FILE, kubeconform, LAYERS, releaseOf } from '../support/flux.js';
import { template } from '../support/helm.js';
import { kubeSchemas } from '../support/kube-schemas.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

const schemas = await kubeSchemas();

/** `layer`: one that needs the value. */
const REQUIRED: readonly (readonly [map: string, key: string, layer: string])[] = [
  ...Object.keys(ACME['identity']!).flatMap((key) => LAYERS.map((layer) => ['identity', key, layer] as const)),
  ...ENVIRONMENTS.flatMap((name) => [
    [`identity-${name}`, 'host', `${name}/release`] as const,
    [`identity-${name}`, 'grafana', `${name}/release`] as const,
    [`identity-${name}`, 'databaseCidr', `${name}/release`] as const,
    [`identity-${name}`, 'secretStore', `${name}/secrets`] as const,
  ]),
  ['identity-previews', 'domain', 'non-prod'],
  ['identity-option-b', 'platformRepository', 'option-b'],
];

let tree = new FluxTree();
afterEach(() => {
  tree.remove();
  tree = new FluxTree();
});
afterAll(() => tree.remove());

function committed(): Record<string, Record<string, string | null>> {
  const documents = parseAllDocuments(readFileSync(join(FLUX, IDENTITY_FILE), 'utf8'));
  return Object.fromEntries(
    documents.map((document) => {
      const { metadata, data } = document.toJS() as { metadata: { name: string }; data: Record<string, string | null> };
      return [metadata.name, data];
    }),
  );
}

describe('the identity file', () => {
  it('has what these tests set, and nothing else', () => {
    const keys = (maps: Record<string, Record<string, unknown>>) =>
      Object.entries(maps).map(([name, data]) => [name, Object.keys(data)]);

    expect(keys(committed())).toEqual(keys(ACME));
  });

  it('where it is set, has no value that is only an example', () => {
    const values = Object.values(committed()).flatMap((data) => Object.values(data));

    for (const value of values) {
      if (value !== null) expect(value).not.toMatch(/^$|[<>{}$]|\b(acme|example|changeme|todo|your)\b|000000000000/i);
    }
  });
});

describeUnless(whyNoTool('kustomize'))('a value that is not set', () => {
  it.each(REQUIRED)('%s, %s: the render of %s fails, and says which one it is', (map, key, layer) => {
    tree.identify(map, key, undefined);

    const { ok, stdout, stderr } = tree.tryBuild(layer);

    expect(stderr).toContain(`fieldPath \`data.${key}\` is missing for replacement source ConfigMap`);
    expect(stderr).toContain(`/${map}.`);
    expect({ ok, stdout }).toEqual({ ok: false, stdout: '' });
  });

  it.each([
    ['non-prod/release', 'non-prod/release/hello-world-helmrelease.yaml', ['spec', 'values', 'image', 'digest']],
    ['prod/release', 'prod/release/hello-world-helmrelease.yaml', ['spec', 'values', 'image', 'digest']],
    ['prod/release', 'prod/release/chart.yaml', ['spec', 'ref', 'digest']],
    ['option-b', 'option-b/hello-world-helmrelease.yaml', ['spec', 'values', 'image', 'tag']],
  ])('by the pipeline: %s fails without a digest in %s', (layer, file, path) => {
    tree.set(file, path, undefined);

    const { ok, stdout, stderr } = tree.tryBuild(layer);

    expect(stderr).toContain(`fieldPath \`${path.join('.')}\` is missing for replacement source`);
    expect({ ok, stdout }).toEqual({ ok: false, stdout: '' });
  });

  it('option B: a tag without a digest behind it is not enough', () => {
    tree.set('option-b/hello-world-helmrelease.yaml', ['spec', 'values', 'image', 'tag'], '0.1.0');

    expect(tree.tryBuild('option-b').stderr).toContain('options.index 1 is out of bounds for value 0.1.0');
  });
});

describeUnless(whyNoTool('kustomize') ?? schemas.missing)('a value that is set to nothing', () => {
  it.each([
    ['identity', 'gitRepository', 'non-prod', /GitRepository hello-world-non-prod is invalid.*\/spec\/url/],
    ['identity', 'chart', 'prod/release', /OCIRepository hello-world-chart is invalid.*\/spec\/url/],
    ['identity-non-prod', 'secretStore', 'non-prod/secrets', /ExternalSecret \S+ is invalid.*\/secretStoreRef\/name/],
    ['identity-option-b', 'platformRepository', 'option-b', /GitRepository platform-design is invalid.*\/spec\/url/],
  ])('%s, %s: the API refuses %s', (map, key, layer, problem) => {
    tree.identify(map, key, '');

    expect(kubeconform(schemas, tree.text(layer))).toMatch(problem);
  });

  it('identity, signer: no signature is good', () => {
    tree.identify('identity', 'signer', '');

    const subject = /subject: (\S+)/.exec(tree.text('prod/release'))?.[1];

    expect(subject).toMatch(/^\^https:\/\/github\\\.com\/\/\\\.github\/.*\$$/);
  });
});

describeUnless(whyNoTool('kustomize') ?? whyNoTool('helm'))('a value that is set to nothing', () => {
  it.each([
    ['identity', 'registry', '/image/repository'],
    ['identity', 'clusterIssuer', 'certificate.issuerRef.name is not set'],
    ['identity-prod', 'host', '/ingress/hosts/0/host'],
    ['identity-prod', 'grafana', 'prometheusRule.grafanaUrl is not set'],
    ['identity-prod', 'databaseCidr', '/networkPolicy/egress/postgres/to/0'],
  ])('%s, %s: the chart refuses it by name', (map, key, problem) => {
    tree.identify(map, key, '');

    const { ok, stderr } = template(releaseOf(tree.build('prod/release')).values);

    expect(stderr.replaceAll('.', '/')).toContain(problem.replaceAll('.', '/'));
    expect(ok).toBe(false);
  });
});
