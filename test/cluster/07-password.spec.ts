import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Namespace, whyNoCluster } from '../support/cluster.js';
import { LOAD_VALUES, Load } from '../support/cluster-load.js';
import {
  DATABASE,
  DATABASE_VALUES,
  databaseSecret,
  databaseUrl,
  sql,
  startPostgres,
} from '../support/cluster-neighbours.js';
import { PodWatch } from '../support/cluster-watch.js';
import { logIn, passwordIsMounted, podsConnectAnew } from '../support/database-rotation.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { over } from '../support/helm.js';
import { describeUnless } from '../support/unless.js';

const NEW_PASSWORD = 'second-password';

describeUnless(whyNoCluster())('7 the password of the database is rotated', () => {
  let namespace: Namespace;

  beforeAll(async () => {
    namespace = await Namespace.create('password');
    await startPostgres(namespace);
    await namespace.install(over(DATABASE_VALUES, LOAD_VALUES, { hpa: { enabled: false }, replicaCount: 2 }));
  }, 300_000);

  afterAll(async () => namespace.delete(), 120_000);

  it('the new Secret first, then the role once a pod has it: no restart, and every question for readiness is answered with yes', async () => {
    const pods = await namespace.readyPods();
    const watch = await PodWatch.start(namespace);
    const questions = await Promise.all(
      pods.map(({ status }, index) =>
        Load.start(namespace, { name: `ready-${index}`, url: `http://${status.podIP}:8080/readyz`, rate: 4 }),
      ),
    );

    const began = Date.now();
    await namespace.apply(databaseSecret(databaseUrl(NEW_PASSWORD)));
    const seconds = pods.map(async ({ metadata }) => {
      await passwordIsMounted(namespace, metadata.name, NEW_PASSWORD);
      return Math.round((Date.now() - began) / 1_000);
    });
    const first = await Promise.race(seconds);
    await sql(namespace, `ALTER ROLE ${DATABASE.user} PASSWORD '${NEW_PASSWORD}'`);
    figure(`the pods had it after ${first} s and ${Math.max(...(await Promise.all(seconds)))} s`);
    for (const { metadata } of pods) {
      const tells = async () =>
        (await namespace.kubectl(['logs', metadata.name])).includes('DATABASE_URL_FILE has changed');
      await eventually(`${metadata.name} tells`, tells, 60_000);
    }
    const reports = await Promise.all(questions.map((load) => load.stop()));
    const states = await watch.stop();

    figure(`0 of ${reports.reduce((sum, { sent }) => sum + sent, 0)} questions failed`);
    expect(reports.map(({ failures }) => failures)).toEqual([[], []]);
    expect(Object.values(states)).toEqual([['ready, restarts: 0'], ['ready, restarts: 0']]);
  }, 600_000);

  it('from then on: the old one is refused, and new connections are made with the new one', async () => {
    expect(await logIn(namespace, DATABASE.user, DATABASE.password)).toBe('refused');
    expect(await logIn(namespace, DATABASE.user, NEW_PASSWORD)).toBe('accepted');
    await podsConnectAnew(namespace, 2);
    await eventually('both are ready', async () => (await namespace.readyPods()).length === 2, 60_000);

    const restarts = (await namespace.readyPods()).map(({ status }) => status.containerStatuses?.[0]?.restartCount);
    expect(restarts).toEqual([0, 0]);
  }, 240_000);
});
