import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Client } from 'pg';
import { parse } from 'yaml';
import { ComposeProject } from '../support/compose.js';
import { bestProfile, whyNoCompose } from '../support/compose-images.js';
import { docker } from '../support/docker.js';
import { ROOT } from '../support/launcher.js';
import { describeUnless, itUnless } from '../support/unless.js';
import { editFlags } from './flags-file.js';
import { jsonOf, soon, statusOf } from './poll.js';

// Longer than what is waited for, so that it is told what was waited for.
jest.setTimeout(120_000);

const profile = bestProfile();
const whyNoViewers = profile === 'full' ? undefined : whyNoCompose('full');

interface Query {
  readonly data: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value: readonly [number, string];
    }[];
  };
}

describeUnless(whyNoCompose(profile))('the local platform', () => {
  let platform: ComposeProject;
  let [service, prometheus]: string[] = [];
  let startsAtFirst: Readonly<Record<string, string>>;

  const query = async (expression: string): Promise<Query['data']['result']> => {
    const { data } = await jsonOf<Query>(`${prometheus}/api/v1/query?query=${encodeURIComponent(expression)}`);
    return data.result;
  };

  /** Asks for the page with tracing on. @returns the trace id of its access log line */
  const tracedRequest = async (id: string): Promise<string> => {
    await fetch(`${service}/`, { headers: { 'x-request-id': id } });
    let traceId: string | undefined;
    await soon('the access log line', async () => {
      const line = (await platform.logs('hello-world')).split('\n').find((line) => line.includes(`"${id}"`));
      traceId = line === undefined ? undefined : (JSON.parse(line) as { trace_id?: string }).trace_id;
      return line !== undefined;
    });
    return traceId ?? '';
  };

  beforeAll(async () => {
    platform = await ComposeProject.create('platform');
    const flags = platform.copyOf('deploy/flags');
    editFlags(flags, { metrics: true, tracing: true });
    await platform.up({ profile, env: { FLAGS_DIR: flags } });
    [service, prometheus] = [platform.url('hello-world'), platform.url('prometheus')];
    startsAtFirst = await platform.starts();
  }, 600_000);

  afterAll(async () => platform.down(), 120_000);

  it('serves the page', async () => {
    const response = await fetch(`${service}/`);

    expect(response.status).toBe(200);
    expect(await response.text()).toBe('hello world');
  });

  it('is ready and alive as soon as Compose says that it is up', async () => {
    expect([await statusOf(`${service}/readyz`), await statusOf(`${service}/livez`)]).toEqual([200, 200]);
  });

  it('serves the metrics of what it has served', async () => {
    await statusOf(`${service}/`);

    const metrics = await (await fetch(`${service}/metrics`)).text();

    expect(metrics).toMatch(/^http_requests_total\{handler="\/",method="GET",status="200"\} [1-9]/m);
  });

  it('has every target of Prometheus up, the service with the labels that the rules count on', async () => {
    interface Targets {
      readonly data: {
        readonly activeTargets: readonly { readonly health: string; readonly labels: Record<string, string> }[];
      };
    }
    let targets: Targets['data']['activeTargets'] = [];
    await soon('every target is up', async () => {
      targets = (await jsonOf<Targets>(`${prometheus}/api/v1/targets?state=active`)).data.activeTargets;
      return targets.length > 0 && targets.every(({ health }) => health === 'up');
    });

    const labels = targets.map(({ labels }) => labels);

    expect(new Set(labels.map(({ job }) => job))).toEqual(
      new Set(['hello-world', 'prometheus', 'alertmanager', 'otel-collector']),
    );
    expect(labels).toContainEqual({ job: 'hello-world', namespace: 'local', instance: 'hello-world:8080' });
  });

  it('answers the documented query', async () => {
    await soon('the rate of answered requests', async () => {
      await statusOf(`${service}/`);
      const rates = await query('sum by (status) (rate(http_requests_total[5m]))');
      return rates.some(({ metric, value }) => metric['status'] === '200' && Number(value[1]) > 0);
    });
  });

  it('has loaded the rules, and evaluates them without an error', async () => {
    interface Rules {
      readonly data: { readonly groups: readonly { readonly rules: readonly { name: string; health: string }[] }[] };
    }

    const { data } = await jsonOf<Rules>(`${prometheus}/api/v1/rules`);

    const rules = data.groups.flatMap(({ rules }) => rules);
    expect(rules.filter(({ health }) => health === 'err')).toEqual([]);
    expect(rules.map(({ name }) => name)).toEqual(expect.arrayContaining(['Watchdog', 'HelloWorldTargetDown']));
  });

  it('brings an alert from Prometheus through Alertmanager to its receiver', async () => {
    interface Notification {
      readonly receiver: string;
      readonly payload: { readonly alerts?: readonly { readonly labels: Record<string, string> }[] };
    }
    await soon('the watchdog has arrived', async () => {
      const notifications = await jsonOf<Notification[]>(`${platform.url('alert-sink')}/alerts`);
      return notifications.some(
        ({ receiver, payload }) =>
          receiver === 'watchdog' &&
          payload.alerts?.some(({ labels }) => labels['alertname'] === 'Watchdog' && labels['environment'] === 'local'),
      );
    });
  });

  itUnless(profile === 'full' ? 'here traces end in Jaeger' : undefined)(
    'brings a trace to who stands in for Jaeger, by the trace id of its log line',
    async () => {
      const traceId = await tracedRequest('traced-to-the-log');

      expect(traceId).toMatch(/^[0-9a-f]{32}$/);
      await soon(`the log of traces has trace ${traceId}`, async () =>
        new RegExp(`Trace ID\\s*: ${traceId}`).test(await platform.logs('trace-log')),
      );
    },
  );

  itUnless(whyNoViewers)('brings a trace to Jaeger, by the trace id of its log line', async () => {
    const traceId = await tracedRequest('traced-to-jaeger');

    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    await soon(
      `Jaeger has trace ${traceId}`,
      async () => (await statusOf(`${platform.url('jaeger')}/api/traces/${traceId}`)) === 200,
    );
  });

  it('leads from a latency to a trace, by an exemplar', async () => {
    interface Exemplars {
      readonly data: readonly { readonly exemplars: readonly { readonly labels: Record<string, string> }[] }[];
    }
    const traceId = await tracedRequest('exemplary');

    await soon('Prometheus has the exemplar of a trace', async () => {
      const range = `start=${Date.now() / 1000 - 300}&end=${Date.now() / 1000}`;
      const url = `${prometheus}/api/v1/query_exemplars?query=http_request_duration_seconds_bucket&${range}`;
      const { data } = await jsonOf<Exemplars>(url);
      return data.some(({ exemplars }) => exemplars.some(({ labels }) => labels['trace_id'] === traceId));
    });
  });

  it('has both tables, as psql shows them', async () => {
    const tables = await platform.exec('db', 'psql', 'postgresql://hello:hello@localhost:5432/hellodb', '-c', '\\dt');

    expect(tables).toMatch(/\| users +\|/);
    expect(tables).toMatch(/\| orders +\|/);
  });

  it('lets this machine into its database', async () => {
    const client = new Client(`postgresql://hello:hello@127.0.0.1:${platform.port('db')}/hellodb`);
    await client.connect();

    const { rows } = await client.query('SELECT current_user AS name');
    await client.end();

    expect(rows).toEqual([{ name: 'hello' }]);
  });

  it('shows and sets flags for those who name it by its own name, and for nobody else', async () => {
    const ask = async (url: string) =>
      platform.exec('alert-sink', 'node', '-p', `fetch('${url}').then(({ status }) => console.log(status)), ''`);
    const [address = ''] = (
      await platform.exec(
        'hello-world',
        'node',
        '-p',
        'Object.values(os.networkInterfaces()).flat().find(i => !i.internal).address',
      )
    ).split('\n');

    expect(await statusOf(`${service}/admin/flags`)).toBe(200);
    expect(await ask('http://hello-world:8080/admin/flags')).toContain('200');
    expect(await ask(`http://${address}:8080/admin/flags`)).toContain('403');
  });

  itUnless(whyNoViewers)('shows the dashboards to whoever looks', async () => {
    const found = await jsonOf<{ uid: string }[]>(`${platform.url('grafana')}/api/search?type=dash-db`);

    expect(found.map(({ uid }) => uid)).toContain('hello-world-service');
  });

  it('runs nobody as root, nor without limits, nor with anything to write to but its volumes', async () => {
    const containers = await platform.inspect();

    const restrictions = containers.map(({ Config, HostConfig }) => ({
      service: Config.Labels['com.docker.compose.service'],
      root: ['', '0', 'root', '0:0'].includes(Config.User),
      privileged: HostConfig.Privileged,
      readOnly: HostConfig.ReadonlyRootfs,
      dropped: HostConfig.CapDrop,
      options: HostConfig.SecurityOpt,
      limited: HostConfig.Memory > 0 && (HostConfig.PidsLimit ?? 0) > 0,
    }));

    expect(restrictions).not.toHaveLength(0);
    for (const each of restrictions) {
      expect(each).toEqual({
        service: each.service,
        root: false,
        privileged: false,
        readOnly: true,
        dropped: ['ALL'],
        options: ['no-new-privileges:true'],
        limited: true,
      });
    }
  });

  it('opens its ports to this machine alone', async () => {
    const containers = await platform.inspect();

    const bindings = containers.flatMap(({ HostConfig }) => Object.values(HostConfig.PortBindings ?? {}));

    expect(bindings.length).toBeGreaterThan(4);
    expect(new Set(bindings.flat().map((binding) => binding?.HostIp))).toEqual(new Set(['127.0.0.1']));
  });

  it('gives the sink of alerts a heap that fits into its container, whatever the image says of heaps', async () => {
    const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8')) as {
      services: { 'alert-sink': { command: string[] } };
    };
    const flags = services['alert-sink'].command.filter((argument) => argument.startsWith('--'));
    const heapLimit = "require('node:v8').getHeapStatistics().heap_size_limit";

    const bytes = Number(await platform.exec('alert-sink', 'node', ...flags, '-p', heapLimit));

    // Of 96 MB; the limit has the young generation in it.
    expect(bytes / 2 ** 20).toBeLessThan(45);
  });

  it('has restarted nothing, and all of it is well', async () => {
    const [starts, containers] = [await platform.starts(), await platform.containers()];

    const unwell = containers.filter(({ service, state, health, exitCode }) =>
      /^migrate$|-ready$/.test(service)
        ? state !== 'exited' || exitCode !== 0
        : state !== 'running' || !['', 'healthy'].includes(health),
    );

    expect(starts).toEqual(startsAtFirst);
    expect(unwell).toEqual([]);
  });

  // The last: it takes away what the others look at.
  it('leaves nothing when it is taken down with its volumes, by the command of the README', async () => {
    // No profile, as the reader types it: .env has one.
    await docker(['compose', '--project-name', platform.name, 'down', '-v']);

    expect(await platform.leftBehind()).toBe('');
  }, 120_000);
});
