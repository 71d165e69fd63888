/** What Flux applies: it renders, Kubernetes and Flux know each field, and what it refers to is there. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ENVIRONMENTS, FLUX, FluxTree, kubeconform, LAYERS, releaseOf, renderRelease } from '../support/flux.js';
import { CHART, helm, ofKind, template, theOne } from '../support/helm.js';
import { kubeSchemas } from '../support/kube-schemas.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

const CLUSTER_SCOPED = /^(Namespace|ClusterRole|ClusterRoleBinding|ValidatingAdmissionPolicy(Binding)?)$/;

const schemas = await kubeSchemas();

interface Sync {
  readonly path: string;
  readonly prune: boolean;
  readonly wait?: boolean;
  readonly timeout: string;
  readonly serviceAccountName?: string;
  readonly dependsOn?: readonly { readonly name: string }[];
  readonly sourceRef: { readonly kind: string; readonly name: string; readonly namespace?: string };
  readonly healthChecks?: readonly { readonly kind: string; readonly name: string; readonly namespace: string }[];
}

const tree = new FluxTree();
afterAll(() => tree.remove());

const syncs = (environment: string): [string, Sync][] =>
  ofKind(tree.build(environment), 'Kustomization').map(({ metadata, spec }) => [
    `${metadata.namespace}/${metadata.name}`,
    spec as unknown as Sync,
  ]);
const minutes = (duration: string): number => Number(/^(\d+)m$/.exec(duration)?.[1]);

describeUnless(whyNoTool('kustomize'))('what Flux applies', () => {
  describe.each(LAYERS)('%s', (layer) => {
    it('renders, and nothing is left that somebody has to set', () => {
      expect(tree.text(layer)).not.toMatch(/IDENTITY|PREVIEW|CHANGE|[<>]your|identity-/);
    });

    it('says of each object in which namespace it is', () => {
      const objects = tree.build(layer);

      expect(objects.length).toBeGreaterThan(0);
      for (const { kind, metadata } of objects) {
        expect([kind, metadata.name, metadata.namespace ?? '']).toEqual([
          kind,
          metadata.name,
          CLUSTER_SCOPED.test(kind) ? '' : expect.stringMatching(/^(flux-system|hello-world-(non-prod|prod))$/),
        ]);
      }
    });
  });

  describe.each(ENVIRONMENTS)('the steps of %s', (environment) => {
    it('are folders that are there', () => {
      for (const [name, { path }] of syncs(environment)) {
        // The one of previews is on their branch.
        if (!name.endsWith('-previews')) expect([name, existsSync(join(FLUX, '../..', path))]).toEqual([name, true]);
      }
    });

    it('follow a source that is there, and remove what is removed from it', () => {
      const sources = ofKind(tree.build(environment), 'GitRepository').map(
        ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
      );

      for (const [name, { sourceRef, prune }] of syncs(environment)) {
        expect(sources).toContain(`${sourceRef.namespace ?? name.split('/')[0]}/${sourceRef.name}`);
        expect(prune).toBe(true);
      }
    });

    it('are looked for each minute', () => {
      for (const { spec } of ofKind(tree.build(environment), 'GitRepository')) {
        expect(spec).toMatchObject({ interval: '1m' });
      }
    });

    it('the release waits for the Secrets, and both tell when they are done', () => {
      const steps = Object.fromEntries(syncs(environment));
      const namespace = `hello-world-${environment}`;

      expect(steps[`${namespace}/hello-world-secrets`]).toMatchObject({ wait: true });
      expect(steps[`${namespace}/hello-world`]).toMatchObject({
        dependsOn: [{ name: 'hello-world-secrets' }],
        healthChecks: [{ kind: 'HelmRelease', name: 'hello-world', namespace }],
      });
      expect(releaseOf(tree.build(`${environment}/release`))).toMatchObject({ name: 'hello-world', namespace });
    });

    it('bring each Secret that the release asks for, before it', () => {
      const made = ofKind(tree.build(`${environment}/secrets`), 'ExternalSecret').map(
        ({ spec }) => (spec as { target: { name: string } }).target.name,
      );
      const release = tree.build(`${environment}/release`);
      const { values } = releaseOf(release);

      const asked = [
        values['database'],
        values['migrations'],
        { existingSecret: (theOne(release, 'Provider').spec as { secretRef: { name: string } }).secretRef.name },
      ].map((value) => (value as { existingSecret: string }).existingSecret);

      expect(made.sort()).toEqual(asked.sort());
    });

    it('keep a commit that mends a release waiting for no longer than one may take', () => {
      const { object } = releaseOf(tree.build(`${environment}/release`));
      const { timeout } = object.spec as { timeout: string };

      const step = Object.fromEntries(syncs(environment))[`hello-world-${environment}/hello-world`]!;

      expect(minutes(step.timeout)).toBe(minutes(timeout));
    });
  });

  describe.each(ENVIRONMENTS)('the release of %s', (environment) => {
    it('goes back by itself, is tested, and is kept as it is', () => {
      const { object } = releaseOf(tree.build(`${environment}/release`));

      expect(object.spec).toMatchObject({
        upgrade: { remediation: { retries: 1, remediateLastFailure: true, strategy: 'rollback' } },
        test: { enable: true },
        driftDetection: { mode: 'enabled' },
        serviceAccountName: 'hello-world-reconciler',
      });
    });

    it('waits longer than a migration and a rollout may take, so that these say why they failed', () => {
      const release = releaseOf(tree.build(`${environment}/release`));
      const objects = renderRelease(release);
      const { timeout } = release.object.spec as { timeout: string };

      const deadlines = [
        (theOne(objects, 'Job').spec as { activeDeadlineSeconds: number }).activeDeadlineSeconds,
        (theOne(objects, 'Deployment').spec as { progressDeadlineSeconds: number }).progressDeadlineSeconds,
      ];

      expect(Math.max(...deadlines)).toBeLessThan(60 * minutes(timeout));
    });

    it('leaves an emergency flag alone, by the name that the chart gives the ConfigMap', () => {
      const { object, values, ...options } = releaseOf(tree.build(`${environment}/release`));
      const ignored = (object.spec as { driftDetection: { ignore: { target: { kind: string; name: string } }[] } })
        .driftDetection.ignore;

      const rendered = template(values, { release: options.name, namespace: options.namespace });

      expect(ignored.map(({ target }) => target)).toEqual([{ kind: 'ConfigMap', name: 'hello-world-flags' }]);
      expect(rendered.stdout).toMatch(/kind: ConfigMap\nmetadata:\n {2}name: hello-world-flags\n/);
    });

    it('asks for the log of no hook, by which the helm-controller panics', () => {
      const { name, namespace, values } = releaseOf(tree.build(`${environment}/release`));

      const { stdout } = template(values, { release: name, namespace });

      expect(stdout).toContain('helm.sh/hook: test');
      expect(stdout).toContain('helm.sh/hook: pre-install');
      expect(stdout).not.toContain('hook-output-log-policy');
    });

    it('tells Slack of each release, and of what keeps one from getting here', () => {
      const objects = tree.build(`${environment}/release`);

      expect(theOne(objects, 'Provider').spec).toMatchObject({ type: 'slack' });
      expect(theOne(objects, 'Alert', 'hello-world-releases').spec).toMatchObject({
        eventSeverity: 'info',
        eventSources: [{ kind: 'HelmRelease', name: 'hello-world' }],
      });
      expect(theOne(objects, 'Alert', 'hello-world-failures').spec).toMatchObject({ eventSeverity: 'error' });
    });

    it('tells Slack of what the platform does for it, and for no other environment', () => {
      const { eventSources } = theOne(tree.build(`${environment}/release`), 'Alert', 'hello-world-failures').spec as {
        eventSources: { kind: string; name: string; namespace?: string; matchLabels?: object }[];
      };

      const ofPlatform = eventSources.filter(({ namespace }) => namespace === 'flux-system');
      const known = ['GitRepository', 'Kustomization'].flatMap((kind) =>
        ofKind(tree.build(environment), kind).map(({ metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
      );

      // That of previews fails until there is a first one.
      const expected = known.filter(
        (one) => /flux-system/.test(one) && one !== 'GitRepository flux-system/hello-world-previews',
      );
      expect(ofPlatform.map(({ kind, name, namespace }) => `${kind} ${namespace}/${name}`).sort()).toEqual(
        expected.sort(),
      );
    });
  });

  it('prod takes the chart by its digest, and only as this repository’s workflow has signed it for a release', () => {
    const { ref, verify } = theOne(tree.build('prod/release'), 'OCIRepository').spec as {
      ref: { digest: string };
      verify: { provider: string; matchOIDCIdentity: { issuer: string; subject: string }[] };
    };
    const { issuer, subject } = verify.matchOIDCIdentity[0]!;

    expect(ref.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(verify).toMatchObject({ provider: 'cosign', matchOIDCIdentity: [expect.anything()] });
    expect('https://token.actions.githubusercontent.com').toMatch(new RegExp(issuer));
    const signed = (by: string) => new RegExp(subject).test(`https://github.com/${by}`);
    expect(signed('acme/hello-world/.github/workflows/ci.yml@refs/tags/release/1.20.3')).toBe(true);
    expect(signed('acme/hello-world/.github/workflows/ci.yml@refs/tags/release/1.20.3-mine')).toBe(false);
    expect(signed('acme/hello-world/.github/workflows/ci.yml@refs/tags/v1.20.3')).toBe(false);
    expect(signed('acme/hello-world/.github/workflows/ci.yml@refs/heads/release/1.20.3')).toBe(false);
    expect(signed('acme/hello-world/.github/workflows/ci.yml@refs/pull/1/merge')).toBe(false);
    expect(signed('acme/hello-world/.github/workflows/other.yml@refs/tags/release/1.20.3')).toBe(false);
    expect(signed('acme/hello-world2/.github/workflows/ci.yml@refs/tags/release/1.20.3')).toBe(false);
    expect(signed('mallory/acme/hello-world/.github/workflows/ci.yml@refs/tags/release/1.20.3')).toBe(false);
  });

  it('SOPS: an environment that takes the component decrypts its Secrets', () => {
    const sops = new FluxTree();
    try {
      sops.edit('non-prod/kustomization.yaml', (text) => text.replace('- ../identity', '- ../identity\n  - ../sops'));

      const secrets = theOne(sops.build('non-prod'), 'Kustomization', 'hello-world-secrets');

      expect(secrets.spec).toMatchObject({ decryption: { provider: 'sops', secretRef: { name: 'sops-age' } } });
    } finally {
      sops.remove();
    }
  });
});

describeUnless(whyNoTool('kustomize') ?? whyNoTool('helm'))('the values of each environment', () => {
  it.each(ENVIRONMENTS)('helm lint --strict has nothing to say of them: %s', (environment) => {
    const { values } = releaseOf(tree.build(`${environment}/release`));

    const { ok, stdout } = helm(['lint', '--strict', CHART, '--values', '-'], JSON.stringify(values));

    expect(stdout).not.toMatch(/\[(ERROR|WARNING)\]/);
    expect(ok).toBe(true);
  });

  it.each(ENVIRONMENTS)('render with this chart, and say which environment it is: %s', (environment) => {
    const { name, namespace, values } = releaseOf(tree.build(`${environment}/release`));

    expect(template(values, { release: name, namespace })).toMatchObject({ ok: true, stderr: '' });
    expect(values).toMatchObject({ environment });
  });

  it.each(ENVIRONMENTS)('lead from alerts and dashboards to the runbooks of this repository: %s', (environment) => {
    const { name, namespace, values } = releaseOf(tree.build(`${environment}/release`));

    const { stdout } = template(values, { release: name, namespace });

    expect(stdout).toContain('runbook_url: https://github.com/acme/hello-world/blob/main/monitoring/runbooks/');
    expect(stdout).not.toMatch(/[/.]example[/.]|__[A-Z_]+__/);
  });
});

describeUnless(whyNoTool('kustomize') ?? whyNoTool('helm') ?? schemas.missing)('kubeconform', () => {
  it.each(LAYERS)('knows each field of each object: %s', (layer) => {
    expect(kubeconform(schemas, tree.text(layer))).toMatch(/Invalid: 0, Errors: 0, Skipped: 0/);
  });

  it.each(ENVIRONMENTS)('knows each field of each object of the release: %s', (environment) => {
    const { name, namespace, values } = releaseOf(tree.build(`${environment}/release`));

    expect(kubeconform(schemas, template(values, { release: name, namespace }).stdout)).toMatch(
      /Invalid: 0, Errors: 0, Skipped: 0/,
    );
  });

  it('would find a field that Flux does not have', () => {
    expect(kubeconform(schemas, tree.text('non-prod').replace('retryInterval:', 'retryEvery:'))).toMatch(/Invalid: 1/);
  });
});
