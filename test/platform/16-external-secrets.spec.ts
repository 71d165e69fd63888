/**
 * Needs External Secrets. The store is its `kubernetes` provider: Secrets in another namespace, by a ClusterSecretStore that
 * this test makes. What follows it is deploy/flux/non-prod/secrets as it is, but for the name of the namespace.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { kubectl, manifest, Namespace, whyNoCluster } from '../support/cluster.js';
import { guardObjects } from '../support/cluster-guard.js';
import { LOAD_VALUES, Load } from '../support/cluster-load.js';
import { DATABASE, DATABASE_VALUES, databaseUrl, sql, startPostgres } from '../support/cluster-neighbours.js';
import { PodWatch } from '../support/cluster-watch.js';
import { logIn, passwordIsMounted, podsConnectAnew } from '../support/database-rotation.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { FluxTree } from '../support/flux.js';
import type { Dismiss } from '../support/guard.js';
import { type KubeObject, over } from '../support/helm.js';
import { holds, whyNoController } from '../support/platform.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

/** The service's role, which may not change the schema. */
const SERVICE = { user: 'service', first: 'first-service-password', second: 'second-service-password' };
const REPLICAS = 2;
const SLACK_URL = 'https://hooks.slack.example/T0/B0';

const PATIENCE_MS = 180_000;
const TEST_TIMEOUT_MS = 480_000;

describeUnless(whyNoCluster() ?? whyNoTool('kustomize') ?? whyNoController('External Secrets'))(
  '16 secrets from a store outside of the release, by External Secrets',
  () => {
    let tree: FluxTree;
    let namespace: Namespace;
    let store: Namespace;
    let dismissGuard: Dismiss = () => {};

    beforeAll(async () => {
      tree = new FluxTree();
      store = await Namespace.create('store');
      namespace = await Namespace.create('secrets');
      dismissGuard = guardObjects(`clustersecretstore.external-secrets.io/${store.name}`);
      await startPostgres(namespace);
      // It is to come from the store.
      await namespace.kubectl(['delete', 'secret', DATABASE.secret]);
      await sql(namespace, `CREATE ROLE ${SERVICE.user} LOGIN PASSWORD '${SERVICE.first}'`);
      await sql(namespace, `GRANT pg_read_all_data, pg_write_all_data TO ${SERVICE.user}`);
      await store.apply(
        ...secretsInStore(),
        { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'reader' } },
        ...mayRead('reader'),
      );
      await kubectl(['apply', '-f', '-'], { input: manifest([clusterSecretStore()]) });
    }, TEST_TIMEOUT_MS);

    afterAll(async () => {
      tree.remove();
      await namespace.delete();
      await kubectl(['delete', 'clustersecretstores.external-secrets.io', store.name, '--ignore-not-found']);
      dismissGuard();
      await store.delete();
    }, TEST_TIMEOUT_MS);

    it(
      'the ExternalSecrets of deploy/flux/non-prod/secrets → are ready, and make the Secrets that the release names',
      async () => {
        const began = Date.now();
        await namespace.apply(...externalSecrets());

        const ready = async () => {
          const found = await namespace.get('externalsecrets.external-secrets.io');
          return found.length === 3 && found.every((one) => holds(one, 'Ready'));
        };
        await eventually('all three are ready', ready, PATIENCE_MS);
        figure(`after ${Math.round((Date.now() - began) / 1_000)} s`);

        expect(await secret('hello-world-database', 'url')).toBe(databaseUrl(SERVICE.first, SERVICE.user));
        expect(await secret('hello-world-migrations', 'url')).toBe(databaseUrl());
        expect(await secret('hello-world-slack', 'address')).toBe(SLACK_URL);
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'the chart with these Secrets → migrates as the one role, and is ready as the other',
      async () => {
        const values = {
          database: { existingSecret: DATABASE.secret },
          migrations: { existingSecret: 'hello-world-migrations' },
        };
        const few = { replicaCount: REPLICAS, hpa: { enabled: false } };
        await namespace.install(over(DATABASE_VALUES, LOAD_VALUES, values, few));

        expect(await namespace.readyPods()).toHaveLength(REPLICAS);
        expect(await usersConnected()).toBe(SERVICE.user);
        expect(await sql(namespace, "SELECT tableowner FROM pg_tables WHERE tablename = 'orders'")).toBe(DATABASE.user);
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'the password is rotated in the store, and then for the role → no restart, and every question for readiness is answered with yes',
      async () => {
        const pods = await namespace.readyPods();
        const watch = await PodWatch.start(namespace);
        const questions = await Promise.all(
          pods.map(({ status }, index) =>
            Load.start(namespace, { name: `ready-${index}`, url: `http://${status.podIP}:8080/readyz`, rate: 4 }),
          ),
        );
        const began = Date.now();
        const seconds = () => Math.round((Date.now() - began) / 1_000);
        const rotated = databaseUrl(SERVICE.second, SERVICE.user);

        await store.apply(secretInStore('database', { url: rotated }));
        await lookNow('hello-world-database');
        await eventually(
          'the Secret has it',
          async () => (await secret(DATABASE.secret, 'url')) === rotated,
          PATIENCE_MS,
        );
        figure(`in the Secret after ${seconds()} s`);
        await Promise.all(pods.map(({ metadata }) => passwordIsMounted(namespace, metadata.name, SERVICE.second)));
        figure(`in all pods after ${seconds()} s`);
        await sql(namespace, `ALTER ROLE ${SERVICE.user} PASSWORD '${SERVICE.second}'`);
        const logins = [SERVICE.first, SERVICE.second].map((password) => logIn(namespace, SERVICE.user, password));
        expect(await Promise.all(logins)).toEqual(['refused', 'accepted']);
        const reports = await Promise.all(questions.map((load) => load.stop()));
        await podsConnectAnew(namespace, REPLICAS);

        figure(`0 of ${reports.reduce((sum, { sent }) => sum + sent, 0)} questions failed`);
        expect(reports.map(({ failures }) => failures)).toEqual([[], []]);
        expect(Object.values(await watch.stop())).toEqual([['ready, restarts: 0'], ['ready, restarts: 0']]);
      },
      TEST_TIMEOUT_MS,
    );

    function secretInStore(what: string, stringData: Readonly<Record<string, string>>): object {
      return { apiVersion: 'v1', kind: 'Secret', metadata: { name: `hello-world-non-prod-${what}` }, stringData };
    }

    function secretsInStore(): object[] {
      return [
        secretInStore('database', { url: databaseUrl(SERVICE.first, SERVICE.user) }),
        secretInStore('migrations', { url: databaseUrl() }),
        secretInStore('slack', { address: SLACK_URL }),
      ];
    }

    function mayRead(account: string): object[] {
      const [apiGroup, apiVersion] = ['rbac.authorization.k8s.io', 'rbac.authorization.k8s.io/v1'];
      const rules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] }];
      const roleRef = { apiGroup, kind: 'Role', name: account };
      const subjects = [{ kind: 'ServiceAccount', name: account, namespace: store.name }];
      return [
        { apiVersion, kind: 'Role', metadata: { name: account }, rules },
        { apiVersion, kind: 'RoleBinding', metadata: { name: account }, roleRef, subjects },
      ];
    }

    function clusterSecretStore(): object {
      const caProvider = { type: 'ConfigMap', name: 'kube-root-ca.crt', key: 'ca.crt', namespace: store.name };
      return {
        apiVersion: 'external-secrets.io/v1',
        kind: 'ClusterSecretStore',
        metadata: { name: store.name },
        spec: {
          conditions: [{ namespaces: [namespace.name] }],
          provider: {
            kubernetes: {
              remoteNamespace: store.name,
              server: { caProvider },
              auth: { serviceAccount: { name: 'reader', namespace: store.name } },
            },
          },
        },
      };
    }

    function externalSecrets(): KubeObject[] {
      tree.identify('identity-non-prod', 'secretStore', store.name);
      tree.edit('non-prod/secrets/kustomization.yaml', (text) => text.replace('hello-world-non-prod', namespace.name));
      return tree.build('non-prod/secrets');
    }

    /** Without waiting for `refreshInterval`, as docs of External Secrets have it. */
    async function lookNow(name: string): Promise<void> {
      const stamp = `force-sync=${randomBytes(4).toString('hex')}`;
      await namespace.kubectl(['annotate', '--overwrite', 'externalsecrets.external-secrets.io', name, stamp]);
    }

    async function usersConnected(): Promise<string> {
      return sql(namespace, "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'hello-world'");
    }

    async function secret(name: string, key: string): Promise<string> {
      const [found] = await namespace.get('secret', name);
      return Buffer.from(found?.data?.[key] ?? '', 'base64').toString();
    }
  },
);
