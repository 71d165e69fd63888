/** Both environments of deploy/flux, by a cluster's Flux, from a repository, a registry and a database of a test's own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AlertReceiver } from './alert-receiver.js';
import { kubectl, manifest, Namespace, tryBash, tryKubectl } from './cluster.js';
import { type EnvironmentName, missingKinds, OPTIONAL_KINDS, registryOf } from './cluster-environment.js';
import { askFlux, waitForRevision } from './cluster-flux.js';
import { guardObjects } from './cluster-guard.js';
import { clusterImages, type ImageValue } from './cluster-images.js';
import { LOAD_VALUES } from './cluster-load.js';
import { DATABASE, sql, startPostgres } from './cluster-neighbours.js';
import { Relay } from './cluster-relay.js';
import { ENVIRONMENTS, FLUX } from './flux.js';
import { GitServer } from './git-server.js';
import { GitOpsRepository } from './gitops-repository.js';
import type { Dismiss } from './guard.js';
import { over } from './helm.js';
import { ChartPublisher } from './signed-chart.js';

/** The service's role: it may read and write everything, and change no schema. */
const SERVICE = { user: 'service', password: 'service-password' };
/** Signs charts in place of a workflow, whose identity needs Sigstore's servers. */
const KEY = 'ours';
/** A release and what it waits for, on a machine that has other things to do. */
const DELIVERED_WITHIN_MS = 600_000;
/** What would take long is shorter, what would take a node of its own is smaller, and the load is let in. */
const TEST_VALUES = over({ progressDeadlineSeconds: 60, resources: { requests: { cpu: '50m' } } }, LOAD_VALUES);
const DOCUMENTATION = join(FLUX, '../../docs/how-to/gitops.md');

/** The preview of tests, and its namespace. */
export const PREVIEW = 'pr-4711';
export const PREVIEW_NAMESPACE = `hello-world-${PREVIEW}`;

export const namespaceOf = (environment: EnvironmentName): string => `hello-world-${environment}`;

export class GitOps {
  readonly repository = new GitOpsRepository();
  readonly charts: ChartPublisher;
  /** What of the platform takes part, and what is left out. */
  platform = '';
  #git: GitServer | undefined;
  #relay: Relay | undefined;
  /** What the cluster has of ours beside namespaces, from `#makeStores`. */
  #ofCluster: readonly string[] = [];
  #dismissGuard: Dismiss = () => {};

  private constructor(
    /** Of the database, the relay and the load. */
    readonly around: Namespace,
    /** Gets what Slack would get, each environment's under its name. */
    readonly slack: AlertReceiver,
  ) {
    this.charts = new ChartPublisher(`${registryOf(clusterImages().service)}/${around.name}`);
  }

  /** Everything but what Flux does: it is given nothing yet. */
  static async start(): Promise<GitOps> {
    const gitops = new GitOps(await Namespace.create('gitops'), await AlertReceiver.start());
    try {
      await gitops.#prepare();
    } catch (error) {
      await gitops.stop();
      throw error;
    }
    return gitops;
  }

  /** As somebody starts it, by the documented command. */
  async apply(environment: EnvironmentName): Promise<void> {
    await this.#asDocumented('Once', /^ *kubectl apply -k .*$/m, environment);
  }

  /** As somebody ends it, by the documented commands. */
  async takeAway(environment: EnvironmentName): Promise<void> {
    await this.#asDocumented('Take it away', /[^]*/, environment);
  }

  /** Says what an environment runs, as the pipeline does. */
  setImage(environment: EnvironmentName, { tag, digest }: ImageValue): void {
    const file = `${environment}/release/hello-world-helmrelease.yaml`;
    this.repository.tree.set(file, ['spec', 'values', 'image', 'tag'], tag);
    this.repository.tree.set(file, ['spec', 'values', 'image', 'digest'], digest);
  }

  setChart(digest: string): void {
    this.repository.tree.set('prod/release/chart.yaml', ['spec', 'ref', 'digest'], digest);
  }

  /** Commits, and has Flux look now. @returns the revision */
  async push(message: string): Promise<string> {
    const revision = this.repository.commit(message);
    await askFlux('flux-system', ...ENVIRONMENTS.map((environment) => `gitrepository/${namespaceOf(environment)}`));
    return revision;
  }

  /** Waits until an environment has a revision, and its release is ready. */
  async delivered(environment: EnvironmentName, revision: string, timeoutMs = DELIVERED_WITHIN_MS): Promise<void> {
    await waitForRevision(namespaceOf(environment), 'hello-world', revision, timeoutMs);
  }

  /** Whatever is left of it. */
  async stop(): Promise<void> {
    for (const environment of ENVIRONMENTS) {
      await tryKubectl([
        'delete',
        '-k',
        join(this.repository.tree.root, 'deploy/flux', environment),
        '--ignore-not-found',
      ]);
    }
    await tryKubectl(['delete', `namespace/${PREVIEW_NAMESPACE}`, ...this.#ofCluster, '--ignore-not-found']);
    await this.#relay?.stop();
    await this.#git?.stop();
    await this.slack.stop();
    await this.around.delete();
    this.#dismissGuard();
    this.charts.remove();
    this.repository.remove();
  }

  async #prepare(): Promise<void> {
    const { repository, around, charts } = this;
    this.#git = await GitServer.start(repository.served);
    const [alerts, registry] = [this.slack.url('/'), `http://${charts.registry}`].map((url) =>
      Number(new URL(url).port),
    );
    if (alerts === undefined || registry === undefined) throw new Error(`${charts.registry} has no port`);
    this.#relay = await Relay.start(around, [this.#git.port, alerts, registry]);
    const { host } = this.#relay;

    repository.tree.identify('identity', 'gitRepository', repository.url(`http://${host}:${this.#git.port}`));
    repository.tree.identify('identity', 'registry', registryOf(clusterImages().service));
    repository.tree.identify('identity', 'chart', `oci://${host}:${registry}/${around.name}/hello-world`);
    repository.tree.identify('identity', 'clusterIssuer', around.name);

    await startPostgres(around);
    await sql(around, `CREATE ROLE ${SERVICE.user} LOGIN PASSWORD '${SERVICE.password}'`);
    await sql(around, `GRANT pg_read_all_data, pg_write_all_data TO ${SERVICE.user}`);
    await this.#makeStores(`http://${host}:${alerts}`);
    await this.#signByKey();
    const missing = await missingKinds();
    this.platform += missing.map((kind) => `, without ${kind}`).join('');
    for (const environment of ENVIRONMENTS) {
      await sql(around, `CREATE DATABASE "${environment}"`);
      await this.#identify(environment);
      this.#adapt(environment, missing);
      repository.tree.edit(`${environment}/sync.yaml`, (text) => text.replace('timeout: 5m', 'timeout: 2m'));
      this.setImage(environment, clusterImages().service);
    }
    // The one image that there is here.
    repository.tree.edit('previews/preview/hello-world-helmrelease.yaml', (text) =>
      text.replace('IDENTITY/hello-world-pr', 'IDENTITY/hello-world'),
    );
    if (missing.includes('certificates.cert-manager.io')) {
      repository.tree.edit('previews/preview/hello-world-helmrelease.yaml', (text) =>
        text.replace('certificate: { enabled: true', 'certificate: { enabled: false'),
      );
    }
  }

  async #identify(environment: EnvironmentName): Promise<void> {
    const { tree } = this.repository;
    const [postgres] = await this.around.get<{ status: { podIP: string } }>('pods', '--selector=app=postgres');
    tree.identify(`identity-${environment}`, 'databaseCidr', `${postgres?.status.podIP}/32`);
    tree.identify(`identity-${environment}`, 'secretStore', this.around.name);
  }

  /** Values of the test's own, and none of kinds that this cluster does not have. */
  #adapt(environment: EnvironmentName, missing: readonly string[]): void {
    const without = missing.map((kind) => OPTIONAL_KINDS[kind] ?? {});
    this.repository.patch(`${environment}/release`, 'HelmRelease', {
      apiVersion: 'helm.toolkit.fluxcd.io/v2',
      kind: 'HelmRelease',
      metadata: { name: 'hello-world' },
      spec: { values: over(TEST_VALUES, ...without) },
    });
  }

  /**
   * Where the Secrets come from, and who issues certificates: External Secrets and cert-manager, as far as the cluster
   * has them. Without External Secrets they are plain ones in Git.
   */
  async #makeStores(slack: string): Promise<void> {
    const known = await kubectl(['get', 'customresourcedefinitions', '--output=name']);
    const { name } = this.around;
    const secrets = ENVIRONMENTS.flatMap((environment) => {
      const url = ({ user, password }: typeof SERVICE) =>
        `postgres://${user}:${password}@postgres.${name}.svc.cluster.local:5432/${environment}`;
      return [
        { environment, secret: 'database', data: { url: url(SERVICE) } },
        { environment, secret: 'migrations', data: { url: url(DATABASE) } },
        { environment, secret: 'slack', data: { address: `${slack}/${environment}` } },
      ];
    });
    const stores: object[] = [];
    if (known.includes('/externalsecrets.external-secrets.io')) {
      const data = secrets.map(({ environment, secret, data }) => ({
        key: `hello-world-${environment}-${secret}`,
        value: JSON.stringify(data),
      }));
      const spec = { provider: { fake: { data } } };
      stores.push({ apiVersion: 'external-secrets.io/v1', kind: 'ClusterSecretStore', metadata: { name }, spec });
      this.#ofCluster = [...this.#ofCluster, `clustersecretstore.external-secrets.io/${name}`];
      this.platform = 'Secrets by External Secrets';
    } else {
      for (const environment of ENVIRONMENTS) this.#plainSecrets(environment, secrets);
      this.platform = 'plain Secrets in Git';
    }
    if (known.includes('/clusterissuers.cert-manager.io')) {
      const spec = { selfSigned: {} };
      stores.push({ apiVersion: 'cert-manager.io/v1', kind: 'ClusterIssuer', metadata: { name }, spec });
      this.#ofCluster = [...this.#ofCluster, `clusterissuer.cert-manager.io/${name}`];
    }
    this.#dismissGuard = guardObjects(...this.#everything());
    if (stores.length > 0) await kubectl(['apply', '-f', '-'], { input: manifest(stores) });
  }

  #plainSecrets(
    environment: EnvironmentName,
    secrets: readonly { readonly environment: string; readonly secret: string; readonly data: object }[],
  ): void {
    const layer = `${environment}/secrets`;
    const own = secrets.filter((one) => one.environment === environment);
    this.repository.tree.edit(`${layer}/kustomization.yaml`, (text) => text.replace('- external-secrets.yaml', ''));
    this.repository.addResource(
      layer,
      'plain.yaml',
      own.map(({ secret, data }) => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: `hello-world-${secret}` },
        stringData: data,
      })),
    );
  }

  /** Prod's chart, signed by a key: keyless signatures need Sigstore's servers. */
  async #signByKey(): Promise<void> {
    const key = await this.charts.makeKey(KEY);
    this.repository.addResource('prod/secrets', 'key.yaml', [
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'hello-world-cosign' }, stringData: { 'cosign.pub': key } },
    ]);
    this.repository.patch('prod/release', 'OCIRepository', [
      { op: 'remove', path: '/spec/verify/matchOIDCIdentity' },
      { op: 'add', path: '/spec/verify/secretRef', value: { name: 'hello-world-cosign' } },
      // Of a registry without encryption.
      { op: 'add', path: '/spec/insecure', value: true },
    ]);
    this.setChart(await this.pushSigned());
  }

  /** A chart that Flux may take. */
  async pushSigned(added?: string): Promise<string> {
    const digest = await this.charts.push(added);
    await this.charts.sign(digest, KEY);
    return digest;
  }

  /** One that somebody else has signed. */
  async pushSignedByStranger(added: string): Promise<string> {
    await this.charts.makeKey('theirs');
    const digest = await this.charts.push(added);
    await this.charts.sign(digest, 'theirs');
    return digest;
  }

  /** For the guard. */
  #everything(): string[] {
    return [
      '--namespace=flux-system',
      ...ENVIRONMENTS.map((environment) => `kustomization.kustomize.toolkit.fluxcd.io/${namespaceOf(environment)}`),
      ...ENVIRONMENTS.map((environment) => `namespace/${namespaceOf(environment)}`),
      `namespace/${PREVIEW_NAMESPACE}`,
      ...this.#ofCluster,
    ];
  }

  /** Runs what a section of the documentation has for it. */
  async #asDocumented(section: string, commands: RegExp, environment: EnvironmentName): Promise<void> {
    const [, text = ''] =
      new RegExp(`^## ${section}\n([^]*?)\n## `, 'm').exec(readFileSync(DOCUMENTATION, 'utf8')) ?? [];
    const [, block = ''] = /```sh\n([^]*?)```/.exec(text) ?? [];
    const [script] = commands.exec(block) ?? [];
    if (script === undefined || script === '') throw new Error(`${DOCUMENTATION} has no commands under ${section}`);
    const own = script.replaceAll(/(?<=hello-world-|deploy\/flux\/)(non-prod|prod)\b/g, environment);
    const { ok, stdout, stderr } = await tryBash(`cd '${this.repository.tree.root}'\n${own}`);
    if (!ok) throw new Error(`${own}: ${stdout}${stderr}`);
  }
}
