import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { kubectl, manifest, PATIENCE_MS, tryKubectl, whyNoCluster } from '../support/cluster.js';
import { ClusterEnvironment } from '../support/cluster-environment.js';
import { clusterImages, imageReference } from '../support/cluster-images.js';
import { databaseSecret, databaseUrl, restrictedPod } from '../support/cluster-neighbours.js';
import { canI, helmAs, kubectlAs, OPERATOR, type Person, serviceAccount, VIEWER } from '../support/cluster-people.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { over, type Values } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

jest.setTimeout(PATIENCE_MS);

/** Who may what in the namespace, by column: the reconciler, an operator, a viewer, the service itself. */
const RIGHTS: Readonly<Record<string, string>> = {
  // What a release is made of.
  'create deployments.apps': 'y - - -',
  'patch deployments.apps': 'y y - -',
  'delete deployments.apps': 'y - - -',
  'create services': 'y - - -',
  'create serviceaccounts': 'y - - -',
  'create networkpolicies.networking.k8s.io': 'y - - -',
  'create horizontalpodautoscalers.autoscaling': 'y - - -',
  'patch horizontalpodautoscalers.autoscaling': 'y y - -',
  'create poddisruptionbudgets.policy': 'y - - -',
  'create ingresses.networking.k8s.io': 'y - - -',
  'create jobs.batch': 'y - - -',
  'delete jobs.batch': 'y y - -',
  'create configmaps': 'y - - -',
  'patch configmaps': 'y - - -',
  'patch configmaps hello-world-flags': 'y y - -',
  'create certificates.cert-manager.io': 'y - - -',
  'create servicemonitors.monitoring.coreos.com': 'y - - -',
  'create prometheusrules.monitoring.coreos.com': 'y - - -',
  'create externalsecrets.external-secrets.io': 'y - - -',
  'patch externalsecrets.external-secrets.io': 'y y - -',
  'create helmreleases.helm.toolkit.fluxcd.io': 'y - - -',
  'patch helmreleases.helm.toolkit.fluxcd.io': 'y y - -',
  'create ocirepositories.source.toolkit.fluxcd.io': 'y - - -',
  // What is looked at.
  'list pods': 'y y y -',
  'get pods/log': '- y y -',
  'list events': '- y y -',
  'list deployments.apps': 'y y y -',
  'list replicasets.apps': 'y y y -',
  'list resourcequotas': '- y y -',
  'list pods.metrics.k8s.io': '- y y -',
  'list kustomizations.kustomize.toolkit.fluxcd.io': '- y y -',
  // What is done to pods.
  'create pods': 'y - - -',
  'delete pods': 'y y - -',
  'create pods/eviction': '- y - -',
  'create pods/portforward': '- y - -',
  'create pods/attach': '- y - -',
  'patch pods/ephemeralcontainers': '- y - -',
  'patch deployments.apps/scale': '- y - -',
  // Helm keeps its releases in Secrets; people never see one.
  'get secrets': 'y - - -',
  'list secrets': 'y - - -',
  // Nobody.
  'create pods/exec': '- - - -',
  'create serviceaccounts/token': '- - - -',
  'impersonate serviceaccounts': '- - - -',
  'create roles.rbac.authorization.k8s.io': '- - - -',
  'create rolebindings.rbac.authorization.k8s.io': '- - - -',
  'escalate roles.rbac.authorization.k8s.io': '- - - -',
  'bind clusterroles.rbac.authorization.k8s.io cluster-admin': '- - - -',
  'create kustomizations.kustomize.toolkit.fluxcd.io': '- - - -',
  'patch resourcequotas': '- - - -',
  'patch limitranges': '- - - -',
  'create persistentvolumeclaims': '- - - -',
  'deletecollection pods': '- - - -',
};

interface Rule {
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

describeUnless(whyNoCluster() ?? whyNoTool('kustomize'))('13 the roles of deploy/flux', () => {
  let environment: ClusterEnvironment;
  let people: Readonly<Record<string, Person>>;

  beforeAll(async () => {
    environment = await ClusterEnvironment.create('non-prod', 'rbac');
    await environment.startDatabase();
    people = {
      reconciler: environment.reconciler,
      operator: OPERATOR,
      viewer: VIEWER,
      service: serviceAccount(environment.namespace.name, 'hello-world'),
    };
  });

  afterAll(async () => environment.delete());

  const reconcile = (values: Values) =>
    environment.namespace.tryInstall(values, { flags: helmAs(environment.reconciler) });

  it.each(['reconciler', 'operator', 'viewer', 'service'].map((name, column) => [name, column] as const))(
    'kubectl auth can-i, as the %s, in the namespace → says what the role is for, and no to all else',
    async (name, column) => {
      const wanted = Object.fromEntries(
        Object.entries(RIGHTS).map(([deed, columns]) => [deed, columns.split(' ')[column] === 'y' ? 'yes' : 'no']),
      );

      const found = await canI(people[name]!, Object.keys(RIGHTS), environment.namespace.name);

      expect(found).toEqual(wanted);
      figure(
        `${Object.values(found).filter((answer) => answer === 'yes').length} of ${Object.keys(RIGHTS).length} asked`,
      );
    },
  );

  it('anywhere else → each of them may what everybody may, and nothing more', async () => {
    for (const [name, person] of Object.entries(people)) {
      const rules = await rulesOf(person, 'kube-system');

      expect([name, rules]).toEqual([name, await rulesOf(nobody(person), 'kube-system')]);
    }
  });

  it("the service's own account, in its own namespace → may what everybody may", async () => {
    const { name } = environment.namespace;

    expect(await rulesOf(people['service']!, name)).toEqual(await rulesOf(nobody(people['service']!), name));
  });

  it('the reconciler → installs the values of the environment, and they become ready', async () => {
    const installed = await reconcile(await environment.installableValues());

    expect(installed).toMatchObject({ ok: true });
    await eventually(
      'both pods are ready',
      async () => (await environment.namespace.readyPods()).length === 2,
      120_000,
    );
  });

  it('the pod of the service → has no token of its account', async () => {
    const look = "console.log(require('node:fs').existsSync('/var/run/secrets/kubernetes.io'))";
    const [pod] = await environment.namespace.readyPods();

    const found = await environment.namespace.kubectl([
      'exec',
      pod!.metadata.name,
      '--',
      '/usr/local/bin/node',
      '-e',
      look,
    ]);

    expect(pod?.spec).toMatchObject({ automountServiceAccountToken: false, serviceAccountName: 'hello-world' });
    expect(found.trim()).toBe('false');
  });

  it('the reconciler → runs the tests', async () => {
    const test = await environment.namespace.tryHelm(['test', 'hello-world', ...helmAs(environment.reconciler)]);

    expect(test).toMatchObject({ ok: true });
  });

  it('the reconciler, with a migration that fails → stops, and an operator reads why', async () => {
    const { namespace } = environment;
    await namespace.apply(databaseSecret(databaseUrl('not-the-password'), 'wrong'));

    const failed = await reconcile(
      over(await environment.installableValues(clusterImages().next), { migrations: { existingSecret: 'wrong' } }),
    );
    const ofMigration = ['--selector=app.kubernetes.io/component=migration', '--tail=-1'];
    const log = await namespace.kubectl(['logs', ...ofMigration, ...kubectlAs(OPERATOR)]);

    expect(failed.ok).toBe(false);
    expect(failed.stderr).toContain('hello-world-migrate-2 not ready. status: Failed');
    expect(log).toMatch(
      /Error during migration run:\nError: cannot connect to the database at .*authentication failed/,
    );
    expect(new Set((await namespace.readyPods()).map(({ spec }) => spec.containers[0]?.image))).toEqual(
      new Set([imageReference(clusterImages().service)]),
    );
  });

  it('the reconciler → brings the next version, takes it back, and removes it all', async () => {
    const { namespace } = environment;

    const next = await reconcile(await environment.installableValues(clusterImages().next));
    const back = await namespace.tryHelm([
      'rollback',
      'hello-world',
      '1',
      '--wait',
      '--timeout=180s',
      ...helmAs(environment.reconciler),
    ]);
    const pods = await namespace.servicePods();
    const gone = await namespace.tryHelm(['uninstall', 'hello-world', '--wait', ...helmAs(environment.reconciler)]);

    expect([next, back, gone]).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
    for (const { spec } of pods) expect(spec.containers[0]?.image).toBe(imageReference(clusterImages().service));
  });

  it('the reconciler, for more than that → is refused, by the API server itself', async () => {
    const own = ['--namespace', environment.namespace.name];
    const role = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'hw' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'hello-world-reconciler', namespace: environment.namespace.name }],
    };
    const pod = restrictedPod('hw', { image: imageReference(clusterImages().service) });
    const attempts: readonly (readonly [args: readonly string[], object?: object])[] = [
      [['get', 'secrets', '--namespace=kube-system']],
      [['get', 'secrets', '--all-namespaces']],
      [['get', 'nodes']],
      [['create', 'namespace', 'hw', '--dry-run=server']],
      [['create', '-f', '-', '--dry-run=server', ...own], role],
      [['create', '-f', '-', '--dry-run=server', '--namespace=default'], pod],
      [['create', 'token', 'hello-world-reconciler', ...own]],
      [['exec', 'deployment/postgres', ...own, '--', 'true']],
    ];

    for (const [args, object] of attempts) {
      const { ok, stderr } = await tryKubectl(
        [...kubectlAs(environment.reconciler), ...args],
        object === undefined ? {} : { input: manifest([object]) },
      );

      expect([args, ok]).toEqual([args, false]);
      expect(stderr).toMatch(/forbidden: User .* cannot |attempting to grant RBAC permissions not currently held/);
    }
    figure(`${attempts.length} tried`);
  });
});

/** Somebody like this, to whom nobody has given anything. */
function nobody({ user, groups }: Person): Person {
  return user.startsWith('system:serviceaccount:')
    ? { user: user.replace(/[^:]+$/, 'nobody'), groups }
    : { user: 'nobody', groups: ['system:authenticated'] };
}

/** What the API server says somebody may in a namespace: the cluster's rights included. In an order of its own. */
async function rulesOf(person: Person, namespace: string): Promise<string[]> {
  const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } };
  const answer = await kubectl(['create', '--validate=false', '--output=json', '-f', '-', ...kubectlAs(person)], {
    input: JSON.stringify(review),
  });
  const { status } = JSON.parse(answer) as { status: { resourceRules: Rule[]; nonResourceRules: Rule[] } };
  return [...status.resourceRules, ...status.nonResourceRules].map((rule) => JSON.stringify(rule)).toSorted();
}
