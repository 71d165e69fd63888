/** What the platform gives an environment, by deploy/flux, in a namespace of a test's own. */
import { kubectl, manifest, Namespace } from './cluster.js';
import { guardObjects } from './cluster-guard.js';
import { clusterImages, type ImageValue } from './cluster-images.js';
import { databaseSecret, databaseUrl, sql, startPostgres } from './cluster-neighbours.js';
import { type Person, serviceAccount } from './cluster-people.js';
import { type ENVIRONMENTS, FluxTree, releaseOf } from './flux.js';
import type { Dismiss } from './guard.js';
import { type KubeObject, over, type Values } from './helm.js';

export type EnvironmentName = (typeof ENVIRONMENTS)[number];

/** The service's role, which may not change the schema. */
const SERVICE_ROLE = { user: 'service', password: 'service-password' };

/** Without a certificate, which nobody here would issue: a release waits for it. `npm run test:platform` has an issuer. */
const NO_CERTIFICATE: Values = { certificate: { enabled: false } };

/** Kinds that the chart makes and not every cluster has, and the values that go without them. */
export const OPTIONAL_KINDS: Readonly<Record<string, Values>> = {
  'servicemonitors.monitoring.coreos.com': { serviceMonitor: { enabled: false } },
  'prometheusrules.monitoring.coreos.com': { prometheusRule: { enabled: false } },
};

/** Those of them that this cluster does not have. */
export async function missingKinds(): Promise<string[]> {
  const known = await kubectl(['get', 'customresourcedefinitions', '--output=name']);
  return Object.keys(OPTIONAL_KINDS).filter((name) => !known.includes(`/${name}`));
}

/** The registry that an image comes from, as deploy/flux/identity wants it. */
export const registryOf = ({ repository }: ImageValue): string => repository.replace(/\/[^/]+$/, '');

export class ClusterEnvironment {
  readonly #tree = new FluxTree();
  #dismissGuard: Dismiss = () => {};
  /** The cluster's objects, which do not go with the namespace. */
  #policies: readonly string[] = [];

  private constructor(
    readonly name: EnvironmentName,
    readonly namespace: Namespace,
  ) {}

  static async create(name: EnvironmentName, suite: string): Promise<ClusterEnvironment> {
    const environment = new ClusterEnvironment(name, await Namespace.create(suite));
    environment.#rename();
    environment.#policies = environment
      .objects()
      .filter(({ metadata }) => metadata.name.endsWith(`-${environment.namespace.name}`))
      .map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
    environment.#dismissGuard = guardObjects(...environment.#policies);
    await environment.moveTo(registryOf(clusterImages().service));
    return environment;
  }

  #rename(): void {
    const [name, own] = [this.name, this.namespace.name];
    for (const folder of ['namespace', 'admission']) {
      this.#tree.edit(`${name}/${folder}/kustomization.yaml`, (text) =>
        text.replaceAll(`hello-world-${name}`, own).replace(`nameSuffix: -${name}`, `nameSuffix: -${own}`),
      );
    }
  }

  /** Lets images of this registry run, and no others. */
  async moveTo(registry: string): Promise<void> {
    this.#tree.identify('identity', 'registry', registry);
    await kubectl(['apply', '-f', '-'], { input: manifest(this.objects()) });
  }

  /** Namespace, limits, roles and policies: all that the platform applies, but for what is Flux' own. */
  objects(): KubeObject[] {
    const own = this.namespace.name;
    return this.#tree
      .build(this.name)
      .filter(
        ({ metadata }) => metadata.name === own || metadata.namespace === own || metadata.name.endsWith(`-${own}`),
      );
  }

  /** Starts a Postgres, with a role for the service that may not change the schema, and makes both Secrets. */
  async startDatabase(): Promise<void> {
    const { user, password } = SERVICE_ROLE;
    await startPostgres(this.namespace);
    await sql(this.namespace, `CREATE ROLE ${user} LOGIN PASSWORD '${password}'`);
    await sql(this.namespace, `ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${user}`);
    await this.namespace.apply(
      databaseSecret(databaseUrl(password, user)),
      databaseSecret(databaseUrl(), 'hello-world-migrations'),
    );
    const [postgres] = await this.namespace.get<{ status: { podIP: string } }>('pods', '--selector=app=postgres');
    this.#tree.identify(`identity-${this.name}`, 'databaseCidr', `${postgres?.status.podIP}/32`);
  }

  /** The values of its HelmRelease, with an image of this run. */
  values({ repository, tag, digest }: ImageValue = clusterImages().service): Values {
    const { values } = releaseOf(this.#tree.build(`${this.name}/release`));
    return over(values, { image: { repository, tag, digest } });
  }

  /** The same, less the certificate, and what asks for kinds that this cluster does not have. */
  async installableValues(image?: ImageValue): Promise<Values> {
    return over(
      this.values(image),
      NO_CERTIFICATE,
      ...(await missingKinds()).map((kind) => OPTIONAL_KINDS[kind] ?? {}),
    );
  }

  /** As whom Flux works. */
  get reconciler(): Person {
    return serviceAccount(this.namespace.name, 'hello-world-reconciler');
  }

  async delete(): Promise<void> {
    await kubectl(['delete', ...this.#policies, '--ignore-not-found']);
    this.#dismissGuard();
    await this.namespace.delete();
    this.#tree.remove();
  }
}
