import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { imagesOf, serviceImage, whyNoCompose } from '../support/compose-images.js';
import { docker, whyNoComposeCommand } from '../support/docker.js';
import { ROOT } from '../support/launcher.js';
import { describeUnless } from '../support/unless.js';

/** `name:${VARIABLE:-tag@digest}` */
const IMAGE = /^(?<name>[^$]+):\$\{(?<variable>[A-Z]+_TAG):-(?<tag>[^@}]+)(?:@(?<digest>sha256:[0-9a-f]{64}))?\}$/;
const OURS = '${HELLO_WORLD_IMAGE:-hello-world:compose}';

const [STARTED, HEALTHY, SUCCEEDED] = ['service_started', 'service_healthy', 'service_completed_successfully'];

/** Every service, and in which state it wants whom before it starts; `?`: where the profile has him. */
const NEEDS: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  db: {},
  migrate: { db: HEALTHY },
  flagd: {},
  'flagd-ready': { flagd: STARTED },
  'hello-world': { migrate: SUCCEEDED, db: HEALTHY, 'flagd-ready': SUCCEEDED, 'otel-collector-ready?': SUCCEEDED },
  'alert-sink': {},
  alertmanager: { 'alert-sink': HEALTHY },
  prometheus: { alertmanager: HEALTHY },
  'trace-log': {},
  'otel-collector': { 'jaeger?': HEALTHY, 'trace-log': STARTED },
  'otel-collector-ready': { 'otel-collector': STARTED },
  jaeger: {},
  grafana: { prometheus: HEALTHY, jaeger: HEALTHY },
};
/** They do their work and end. */
const ONE_SHOT = ['flagd-ready', 'migrate', 'otel-collector-ready'];
/** Their images hold one binary, and nothing that could ask after its health. */
const NOBODY_TO_ASK = ['flagd', 'otel-collector', 'trace-log'];

const CORE = ['db', 'flagd', 'flagd-ready', 'hello-world', 'migrate'];
const COLLECTOR = ['otel-collector', 'otel-collector-ready', 'trace-log'];
const HEADLESS = [...CORE, 'alert-sink', 'alertmanager', ...COLLECTOR, 'prometheus'];
/** Each has all of those before it: `docker compose down` knows the services of the last one. */
const SERVICES = { core: CORE, headless: HEADLESS, full: [...HEADLESS, 'grafana', 'jaeger'] };

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly user?: string;
  readonly privileged?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
  readonly ports?: readonly string[];
  readonly healthcheck?: { readonly disable?: boolean; readonly test?: readonly string[]; readonly timeout?: string };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required?: boolean }>>;
}

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const { services } = parse(textOf('docker-compose.yml'), { merge: true }) as { services: Record<string, Service> };

describe('docker-compose.yml', () => {
  it('names every image but ours by a variable with a tag and its digest', () => {
    const images = Object.values(services).map(({ image }) => image);

    const odd = images.filter((image) => image !== OURS && IMAGE.exec(image)?.groups?.['digest'] === undefined);

    expect(odd).toEqual([]);
  });

  it('builds an image of its own, and not over the one that `npm run image` gives its version', () => {
    const { image } = services['hello-world']!;

    expect(image).toContain(':-hello-world:');
    expect(image).not.toContain(serviceImage());
  });

  it('starts nobody before what he needs is ready', () => {
    const needs = Object.entries(services).map(([name, { depends_on: dependencies = {} }]) => {
      const conditions = Object.entries(dependencies).map(([dependency, { condition, required = true }]) => [
        `${dependency}${required ? '' : '?'}`,
        condition,
      ]);
      return [name, Object.fromEntries(conditions)];
    });

    expect(Object.fromEntries(needs)).toEqual(NEEDS);
  });

  it.each(Object.entries(services))('lets %s do only what it must', (_name, service) => {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      mem_limit: expect.stringMatching(/^\d+[mg]$/),
      pids_limit: expect.any(Number),
    });
    expect([service.cap_add, service.privileged]).toEqual([undefined, undefined]);
    expect(service.user ?? 'of the image').not.toMatch(/^(0|root)/);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z_]+_PORT:-\d+\}:\d+$/);
  });

  it('asks everybody after his health who can be asked', () => {
    const asked = Object.entries(services).filter(
      ([, { healthcheck }]) => healthcheck?.disable !== true && healthcheck,
    );
    const notAsked = Object.keys(services).filter((name) => !asked.some(([asked]) => asked === name));

    const withoutQuestion = asked.filter(([, { healthcheck }]) => healthcheck?.test === undefined);

    expect(notAsked.sort()).toEqual([...ONE_SHOT, ...NOBODY_TO_ASK].sort());
    // Ours: the question comes with the image.
    expect(withoutQuestion.map(([, { image }]) => image)).toEqual([OURS]);
  });

  it('asks the service as its image does, for its readiness', () => {
    const [, command = ''] =
      /^HEALTHCHECK [^]*?CMD (\[[^\]]*\])/m.exec(textOf('Dockerfile').replaceAll('\\\n', '')) ?? [];

    expect(services['hello-world']!.healthcheck).toMatchObject({
      test: ['CMD', ...(JSON.parse(command) as string[]), '/readyz'],
      timeout: '10s',
    });
  });

  it('keeps metrics for as long as the rules look back, within a limit', () => {
    const windows = [...textOf('monitoring/prometheus-rules.yaml').matchAll(/\[(\d+)d\]/g)].map(([, days]) =>
      Number(days),
    );
    const { command = [] } = services['prometheus']!;

    const kept = /--storage\.tsdb\.retention\.time=(\d+)d/.exec(command.join(' '))?.[1];

    expect(Number(kept)).toBeGreaterThan(Math.max(...windows));
    expect(command).toContainEqual(expect.stringMatching(/^--storage\.tsdb\.retention\.size=\d+GB$/));
  });
});

describe('.env', () => {
  it('holds the one setting of Compose and nothing that is anybody’s own: it is committed', () => {
    const settings = textOf('.env')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));

    expect(settings).toEqual(['COMPOSE_PROFILES=full']);
  });
});

describeUnless(whyNoComposeCommand())('docker compose config', () => {
  const config = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
    const { PATH, HOME } = process.env;
    return docker(['compose', ...args], { env: { PATH, HOME, ...env } });
  };

  it.each(Object.entries(SERVICES))(
    'accepts the file with the profile %s, and knows its services',
    async (profile, expected) => {
      const names = await config(['--profile', profile, 'config', '--services']);

      expect(names.trim().split('\n').sort()).toEqual(expected.toSorted());
    },
  );

  it('takes all services, when no profile is named', async () => {
    const names = await config(['config', '--services']);

    expect(names.trim().split('\n').sort()).toEqual(SERVICES.full.toSorted());
  });

  it('takes each port and image from a variable', async () => {
    const text = await config(['config'], {
      ...Object.fromEntries(
        ['HELLO_WORLD', 'DB', 'PROMETHEUS', 'ALERTMANAGER', 'ALERT_SINK', 'JAEGER', 'GRAFANA'].map((name, index) => [
          `${name}_PORT`,
          String(40_001 + index),
        ]),
      ),
      FLAGD_TAG: 'another',
      HELLO_WORLD_IMAGE: 'mirror.example/hello-world:1',
    });

    expect([...text.matchAll(/published: "(\d+)"/g)].map(([, port]) => Number(port)).sort((a, b) => a - b)).toEqual([
      40_001, 40_002, 40_003, 40_004, 40_005, 40_006, 40_007,
    ]);
    expect(text).toContain('image: ghcr.io/open-feature/flagd:another');
    expect(text).not.toContain('hello-world:compose');
  });
});

describeUnless(whyNoCompose('headless'))('what the containers are configured by', () => {
  const imageOf = (name: string) => imagesOf('headless').find((image) => image.startsWith(name)) ?? '';

  const inContainer = async (volume: string, args: readonly string[]) =>
    docker(['run', '--rm', '--network=none', '--volume', volume, ...args]);

  const validate = async (...files: readonly string[]) =>
    inContainer(`${ROOT}/deploy/compose/otel-collector:/etc/otel-collector:ro`, [
      ...[imageOf('otel/'), 'validate', ...files.map((file) => `--config=${file}`)],
    ]);

  it.each(['collector', 'trace-log'])('is understood by the core distribution of the collector: %s', async (name) => {
    expect(await validate(`/etc/otel-collector/${name}.yaml`)).toBe('');
  });

  it('is refused by it where it names an exporter that was removed', async () => {
    const removed = 'yaml:service::pipelines::traces::exporters: [logging]';

    await expect(validate('/etc/otel-collector/collector.yaml', removed)).rejects.toThrow(/logging/);
  });

  it('is understood by Prometheus', async () => {
    const answer = await inContainer(`${ROOT}/monitoring:/etc/monitoring:ro`, [
      ...['--entrypoint=promtool', imageOf('prom/prometheus')],
      ...['check', 'config', '/etc/monitoring/prometheus/prometheus.yml'],
    ]);

    expect(answer).toMatch(/prometheus\.yml is valid/);
    expect(answer).toMatch(/prometheus-rules\.yaml\n\s+SUCCESS/);
  });
});
