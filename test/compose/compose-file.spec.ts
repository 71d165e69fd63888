import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { imagesOf, whyNoCompose } from '../support/compose-images.js';
import { ROOT } from '../support/launcher.js';
import { describeUnless } from '../support/unless.js';

const run = promisify(execFile);

/** `name:${VARIABLE:-tag@digest}` */
const IMAGE = /^(?<name>[^$]+):\$\{(?<variable>[A-Z]+_TAG):-(?<tag>[^@}]+)(?:@(?<digest>sha256:[0-9a-f]{64}))?\}$/;
const OURS = '${HELLO_WORLD_IMAGE:-hello-world:local}';

const CORE = ['db', 'flagd', 'flagd-ready', 'hello-world', 'migrate'];
const HEADLESS = [...CORE, 'alert-sink', 'alertmanager', 'otel-collector', 'otel-collector-ready', 'prometheus'];
const SERVICES = { core: CORE, headless: HEADLESS, full: [...HEADLESS, 'grafana', 'jaeger'] };

interface Service {
  readonly image: string;
  readonly healthcheck?: { readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  services: Record<string, Service>;
};

describe('docker-compose.yml', () => {
  it('names every image but ours by a variable with a tag and its digest', () => {
    const images = Object.values(services).map(({ image }) => image);

    const odd = images.filter((image) => image !== OURS && IMAGE.exec(image)?.groups?.['digest'] === undefined);

    expect(odd).toEqual([]);
  });

  it('has its images listed in docs/platform-images.md', () => {
    const listed = readFileSync(join(ROOT, 'docs/platform-images.md'), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
    const rows = listed.map(([, name, variable, tag, digest]) => ({ name, variable, tag, digest }));

    const images = Object.values(services)
      .map(({ image }) => IMAGE.exec(image)?.groups)
      .filter((groups) => groups !== undefined);

    expect(rows).toHaveLength(images.length);
    for (const image of images) expect(rows).toContainEqual({ ...image });
  });

  it('starts nobody before what he needs is ready', () => {
    const conditions = Object.entries(services).flatMap(([name, { depends_on: dependencies = {} }]) =>
      Object.entries(dependencies).map(([dependency, { condition }]) => ({ name, dependency, condition })),
    );

    // Only who is there to wait for it is content that it has started.
    const early = conditions.filter(
      ({ name, condition }) => condition === 'service_started' && !name.endsWith('-ready'),
    );

    expect(conditions).not.toHaveLength(0);
    expect(early).toEqual([]);
  });
});

describeUnless(spawnSync('docker', ['compose', 'version']).status === 0 ? undefined : 'there is no Docker Compose')(
  'docker compose config',
  () => {
    const config = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
      const options = { cwd: ROOT, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env } };
      return (await run('docker', ['compose', ...args], options)).stdout;
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

      expect(names.trim().split('\n')).toHaveLength(SERVICES.full.length);
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
      expect(text).not.toContain('hello-world:local');
    });
  },
);

describeUnless(whyNoCompose('headless'))('what the containers are configured by', () => {
  const imageOf = (name: string) => imagesOf('headless').find((image) => image.startsWith(name)) ?? '';

  const collector = async (file: string) =>
    run('docker', [
      ...['run', '--rm', '--network=none', '--volume', `${ROOT}/deploy/compose/otel-collector:/etc/otel-collector:ro`],
      ...[imageOf('otel/'), 'validate', '--config=/etc/otel-collector/base.yaml', `--config=${file}`],
    ]);

  it.each(['jaeger', 'log'])(
    'is understood by the core distribution of the collector, traces to %s',
    async (target) => {
      const { stdout } = await collector(`/etc/otel-collector/traces-to-${target}.yaml`);

      expect(stdout).toBe('');
    },
  );

  it('is refused by it where it names an exporter that was removed', async () => {
    const removed = 'yaml:service::pipelines::traces::exporters: [logging]';

    await expect(collector(removed)).rejects.toThrow(/logging/);
  });

  it('is understood by Prometheus', async () => {
    const { stdout } = await run('docker', [
      ...[
        'run',
        '--rm',
        '--network=none',
        '--volume',
        `${ROOT}/monitoring:/etc/monitoring:ro`,
        '--entrypoint=promtool',
      ],
      ...[imageOf('prom/prometheus'), 'check', 'config', '/etc/monitoring/prometheus/prometheus.yml'],
    ]);

    expect(stdout).toMatch(/prometheus\.yml is valid/);
    expect(stdout).toMatch(/prometheus-rules\.yaml\n\s+SUCCESS/);
  });
});
