import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { Namespace, whyNoCluster } from '../support/cluster.js';
import {
  DATABASE,
  databaseSecret,
  databaseUrl,
  POSTGRES_LABELS,
  startCollector,
  startFlagd,
  startPostgres,
} from '../support/cluster-neighbours.js';
import {
  addressOf,
  fetchFrom,
  probe,
  type Reached,
  serviceAddress,
  startListeners,
  type Targets,
} from '../support/cluster-probe.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { type KubeObject, over, type Values } from '../support/helm.js';
import { describeUnless } from '../support/unless.js';

const HTTP_PORT = 8080;
const MANAGEMENT_PORT = 9090;
const OTLP_PORT = 4318;
const POSTGRES_PORT = 5432;
const FLAGD_PORT = 8013;
/** Nobody's in the values. */
const OTHER_PORT = 9999;

const GATEWAY = { app: 'gateway' };
const PROMETHEUS = { app: 'prometheus' };
/** A second place for traces, which listens to another port too. */
const LISTENER = { app: 'listener' };

const componentLabels = (component: string) => ({
  'app.kubernetes.io/name': 'hello-world',
  'app.kubernetes.io/instance': 'hello-world',
  'app.kubernetes.io/component': component,
});

const flag = (value: boolean) => ({
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: value ? 'on' : 'off',
});

const all = (verdict: Reached, targets: Targets) =>
  Object.fromEntries(Object.keys(targets).map((name) => [name, verdict]));

describeUnless(whyNoCluster())('3 network policies', () => {
  /** Of the service. */
  let own: Namespace;
  /** Of the gateway, Prometheus and whom the service needs. */
  let platform: Namespace;
  let values: Values;

  /** What the service's pod may reach. */
  let needs: Targets;
  /** What it must not reach: pods that listen, some at ports that it may use elsewhere. */
  let strangers: Targets;

  beforeAll(async () => {
    [own, platform] = await Promise.all([Namespace.create('policy'), Namespace.create('neighbours')]);
    await Promise.all([
      startPostgres(platform),
      startCollector(platform),
      startFlagd(platform, { metrics_enabled: flag(true), tracing_enabled: flag(true) }),
      startListeners(
        platform,
        { gateway: GATEWAY, prometheus: PROMETHEUS, listener: LISTENER, stranger: { app: 'stranger' } },
        [HTTP_PORT, OTLP_PORT, POSTGRES_PORT, FLAGD_PORT, OTHER_PORT],
      ),
      // Two of them are called like somebody who is let in from the platform's namespace.
      startListeners(own, { stranger: { app: 'stranger' }, gateway: GATEWAY, prometheus: PROMETHEUS }, [
        HTTP_PORT,
        OTLP_PORT,
      ]),
    ]);
    const at = (name: string) => `${name}.${platform.name}.svc`;
    await own.apply(databaseSecret(databaseUrl().replace('@postgres:', `@${at('postgres')}:`)));
    const peer = (matchLabels: Readonly<Record<string, string>>) => ({
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': platform.name } },
      podSelector: { matchLabels },
    });
    values = {
      // As many pods as said, that each can be asked.
      hpa: { enabled: false },
      database: { existingSecret: DATABASE.secret },
      flagd: { mode: 'external', host: at('flagd') },
      env: [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: `http://${at('otel-collector')}:${OTLP_PORT}` }],
      networkPolicy: {
        ingress: { gateway: [peer(GATEWAY)], prometheus: [peer(PROMETHEUS)] },
        egress: {
          postgres: { to: [peer(POSTGRES_LABELS)] },
          otlp: { to: [peer({ app: 'otel-collector' }), peer(LISTENER)] },
          flagd: { to: [peer({ app: 'flagd' })] },
        },
      },
    };
    // By addresses: without DNS a name would be no target.
    const service = async (name: string) => serviceAddress(platform.name, name);
    needs = {
      'DNS by UDP': 'dns+udp:kubernetes.default.svc.cluster.local',
      'DNS by TCP': 'dns+tcp:kubernetes.default.svc.cluster.local',
      Postgres: `tcp://${await service('postgres')}:${POSTGRES_PORT}`,
      flagd: `tcp://${await service('flagd')}:${FLAGD_PORT}`,
      OTLP: `tcp://${await service('otel-collector')}:${OTLP_PORT}`,
      'OTLP, second place': `tcp://${await addressOf(platform, 'listener')}:${OTLP_PORT}`,
    };
    const stranger = await addressOf(platform, 'stranger');
    strangers = {
      'a stranger': `tcp://${stranger}:${HTTP_PORT}`,
      'a stranger at the port of OTLP': `tcp://${stranger}:${OTLP_PORT}`,
      'a stranger at the port of Postgres': `tcp://${stranger}:${POSTGRES_PORT}`,
      'a stranger at the port of flagd': `tcp://${stranger}:${FLAGD_PORT}`,
      'a stranger in its own namespace': `tcp://${await addressOf(own, 'stranger')}:${HTTP_PORT}`,
      'another port of a place for traces': `tcp://${await addressOf(platform, 'listener')}:${OTHER_PORT}`,
      'the gateway': `tcp://${await addressOf(platform, 'gateway')}:${HTTP_PORT}`,
      'the API server': `tcp://${await serviceAddress('default', 'kubernetes')}:443`,
    };
  }, 300_000);

  afterAll(async () => {
    await Promise.all([own?.delete(), platform?.delete()]);
  }, 120_000);

  /** Ports of the service's first pod and of its Service, by a name. */
  async function servicePorts(ports: readonly number[]): Promise<Targets> {
    const [pod] = await own.readyPods();
    return {
      ...Object.fromEntries(ports.map((port) => [`pod:${port}`, `tcp://${pod?.status.podIP}:${port}`])),
      Service: `tcp://${await serviceAddress(own.name, 'hello-world')}:80`,
    };
  }

  async function servicePod(): Promise<string> {
    const [pod] = await own.readyPods();
    if (pod === undefined) throw new Error('no pod of the service is ready');
    return pod.metadata.name;
  }

  const outsiders = (): (readonly [Namespace, string])[] => [
    [own, 'stranger'],
    [own, 'gateway'],
    [own, 'prometheus'],
    [platform, 'stranger'],
  ];

  /** A policy holds a moment after it, or a pod that it names, is there. */
  async function expectSoon(namespace: Namespace, pod: string, targets: Targets, verdicts: Record<string, Reached>) {
    let seen: Record<string, Reached> = {};
    await eventually('the policies hold', async () => {
      seen = await probe(namespace, pod, targets);
      return isDeepStrictEqual(seen, verdicts);
    }).catch(() => {});
    expect(seen).toEqual(verdicts);
  }

  describe('without them', () => {
    beforeAll(async () => {
      await own.install(over(values, { networkPolicy: { enabled: false } }));
    }, 240_000);

    it('everybody reaches the service, and the service reaches everybody', async () => {
      const ports = await servicePorts([HTTP_PORT]);

      const reached = await Promise.all(outsiders().map(([namespace, name]) => probe(namespace, name, ports)));
      const fromService = await probe(own, await servicePod(), { ...needs, ...strangers });

      expect(reached).toEqual(outsiders().map(() => all('open', ports)));
      expect(fromService).toEqual(all('open', { ...needs, ...strangers }));
      figure(`${Object.keys(fromService).length} targets out, ${outsiders().length} strangers in: all open`);
    });
  });

  describe('with them, and the same pods', () => {
    beforeAll(async () => {
      const before = (await own.servicePods()).map(({ metadata }) => metadata.uid).sort();
      await own.install(values);
      const after = (await own.servicePods()).map(({ metadata }) => metadata.uid).sort();
      expect(after).toEqual(before);
    }, 240_000);

    it('the service reaches DNS by UDP and TCP, Postgres, flagd and the collector, and nobody else', async () => {
      const verdicts = { ...all('open', needs), ...all('closed', strangers) };

      await expectSoon(own, await servicePod(), { ...needs, ...strangers }, verdicts);

      figure(`${Object.keys(needs).length} targets open, ${Object.keys(strangers).length} closed`);
    });

    it('what the service needs works: it is ready with its migrations, has its flags, and its spans arrive', async () => {
      const [pod] = await own.readyPods();
      const address = `http://${pod?.status.podIP}:${HTTP_PORT}`;

      await eventually('the gateway gets the page', async () =>
        (await fetchFrom(platform, 'gateway', `${address}/`)).startsWith('200 hello world'),
      );
      const readiness = await fetchFrom(platform, 'gateway', `${address}/readyz?verbose`);
      const metrics = await fetchFrom(platform, 'prometheus', `${address}/metrics`);

      expect(JSON.parse(readiness.replace(/^200 /, ''))).toMatchObject({
        details: { database: { status: 'up' }, migrations: { status: 'up' } },
      });
      expect(metrics).toMatch(/^feature_flag_provider_state\{state="ready"\} 1$/m);
      expect(metrics).toMatch(/^feature_flag_enabled\{flag="tracing_enabled"\} 1$/m);
      await eventually('a span arrives', async () =>
        (await platform.kubectl(['logs', 'deployment/otel-collector'])).includes('GET /'),
      );
    });

    it('the gateway and Prometheus reach the service', async () => {
      const ports = await servicePorts([HTTP_PORT]);

      await expectSoon(platform, 'gateway', ports, all('open', ports));
      await expectSoon(platform, 'prometheus', ports, all('open', ports));
    });

    it('a stranger does not, from the same namespace or another, under the labels of the gateway or its own', async () => {
      const ports = await servicePorts([HTTP_PORT]);

      const reached = await Promise.all(outsiders().map(([namespace, name]) => probe(namespace, name, ports)));

      expect(reached).toEqual(outsiders().map(() => all('closed', ports)));
      figure(`${outsiders().length} strangers, each closed`);
    });

    it('helm test passes, and its pod reaches the service and nobody else', async () => {
      const { ok, stderr } = await own.tryHelm(['test', 'hello-world', '--logs']);
      expect(stderr).toContain('GET / is');
      expect(ok).toBe(true);
      await startListeners(own, { 'like-a-test': componentLabels('test') }, [HTTP_PORT]);

      const ports = await servicePorts([HTTP_PORT]);
      const verdicts = { ...all('open', ports), ...all('closed', strangers), Postgres: 'closed' };
      await expectSoon(own, 'like-a-test', { ...ports, ...strangers, Postgres: needs['Postgres']! }, verdicts);
    });

    it('the migration has passed; its pod reaches DNS and Postgres by its own policy, and nobody without it', async () => {
      await startListeners(own, { 'like-a-migration': componentLabels('migration') }, [HTTP_PORT]);
      const everything = { ...needs, ...strangers, ...(await servicePorts([HTTP_PORT])) };
      await expectSoon(own, 'like-a-migration', everything, all('closed', everything));

      // As Helm has it while the migration runs, and no longer.
      const hooks = parseAllDocuments(await helmHooks()).map((document) => document.toJS() as KubeObject | null);
      const policy = hooks.find((object) => object?.kind === 'NetworkPolicy');
      expect(policy).toBeDefined();
      await own.apply(policy!);

      const allowed = { 'DNS by UDP': 'open', 'DNS by TCP': 'open', Postgres: 'open' };
      await expectSoon(own, 'like-a-migration', everything, { ...all('closed', everything), ...allowed });
    });

    async function helmHooks(): Promise<string> {
      const { ok, stdout, stderr } = await own.tryHelm(['get', 'hooks', 'hello-world']);
      if (!ok) throw new Error(stderr);
      return stdout;
    }
  });

  describe('with a management port', () => {
    beforeAll(async () => {
      await own.install(over(values, { managementPort: MANAGEMENT_PORT }));
      await own.kubectl(['rollout', 'status', 'deployment/hello-world']);
    }, 240_000);

    it('the gateway reaches the public port only, Prometheus the management port only, a stranger none', async () => {
      const ports = await servicePorts([HTTP_PORT, MANAGEMENT_PORT]);

      await expectSoon(platform, 'gateway', ports, {
        ...all('open', ports),
        [`pod:${MANAGEMENT_PORT}`]: 'closed',
      });
      await expectSoon(platform, 'prometheus', ports, {
        ...all('closed', ports),
        [`pod:${MANAGEMENT_PORT}`]: 'open',
      });
      const reached = await Promise.all(outsiders().map(([namespace, name]) => probe(namespace, name, ports)));

      expect(reached).toEqual(outsiders().map(() => all('closed', ports)));
      figure(`of 2 ports the gateway has 1, Prometheus the other, ${reached.length} strangers none`);
    });

    it('helm test reaches both', async () => {
      const { ok, stderr } = await own.tryHelm(['test', 'hello-world', '--logs']);

      expect(stderr).toContain('on the public port');
      expect(ok).toBe(true);
    });
  });
});
