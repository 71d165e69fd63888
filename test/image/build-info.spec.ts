import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { describeUnless } from '../support/unless.js';
import { removeContainers, startContainer } from './container.js';
import { docker, HARDENED, IMAGE, whyNoHostNetwork, whyNoImage } from './image.js';

type Labels = Readonly<Record<string, string>>;

async function labels(): Promise<Labels> {
  return JSON.parse(await docker('image', 'inspect', '--format', '{{json .Config.Labels}}', IMAGE)) as Labels;
}

jest.setTimeout(2 * 60_000);

afterEach(removeContainers);

describeUnless(whyNoImage())('the labels of the image', () => {
  it('say what it is, where it comes from and under which licence', async () => {
    expect(await labels()).toMatchObject({
      'org.opencontainers.image.title': 'hello-world',
      'org.opencontainers.image.description': expect.stringMatching(/./),
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.source': expect.stringMatching(/^https:\/\/\S+$/),
      'org.opencontainers.image.version': expect.stringMatching(/^\d+\.\d+\.\d+/),
      'org.opencontainers.image.revision': expect.stringMatching(/^([0-9a-f]{40}(-dirty)?|unknown)$/),
      'org.opencontainers.image.created': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
  });
});

describeUnless(whyNoImage() ?? whyNoHostNetwork())('what the service says of its build', () => {
  let receiver: OtlpReceiver;

  beforeAll(async () => {
    receiver = await OtlpReceiver.start();
  });

  afterAll(async () => {
    await receiver.die();
  });

  it('is the same in a label, a metric, a trace and a log line', async () => {
    const image = await labels();
    const version = image['org.opencontainers.image.version'];
    const revision = image['org.opencontainers.image.revision'];
    const container = startContainer({
      flags: [...HARDENED, '--network', 'host'],
      env: {
        HOST: '127.0.0.1',
        PORT: '0',
        ENABLE_METRICS: 'true',
        ENABLE_TRACING: 'true',
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      },
    });
    const url = await container.url();

    await fetch(url);
    const metrics = await (await fetch(`${url}/metrics`)).text();
    await container.signal('SIGTERM');
    await container.exit;
    const [span] = await receiver.waitForSpans(1);

    expect(/^build_info\{(.*)\} 1$/m.exec(metrics)?.[1]).toContain(`version="${version}",revision="${revision}"`);
    expect(span?.resource['service.version']).toBe(version);
    expect(new Set(container.lines().map((line) => line['version']))).toEqual(new Set([version]));
  });
});
