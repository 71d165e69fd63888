import { execFileSync, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { askDocker, docker } from '../support/docker.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { describeUnless } from '../support/unless.js';
import { CONTEXT } from './checkout.js';
import { removeContainers, startContainer } from './container.js';
import { HARDENED, IMAGE, ROOT, whyNoHostNetwork, whyNoImage } from './image.js';

type Labels = Readonly<Record<string, string>>;

const INSPECT_LABELS = ['image', 'inspect', '--format', '{{json .Config.Labels}}'];
const REVISION = 'org.opencontainers.image.revision';
const VERSION = 'org.opencontainers.image.version';

async function labels(): Promise<Labels> {
  return JSON.parse(await docker([...INSPECT_LABELS, IMAGE])) as Labels;
}

/** Why the labels cannot be compared with this checkout; `undefined` when they can. */
function whyNotOfCheckout(): string | undefined {
  if (spawnSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT }).status !== 0) return 'needs git and its history';
  return (JSON.parse(askDocker([...INSPECT_LABELS, IMAGE]) ?? '{}') as Labels)[REVISION] === 'unknown'
    ? `${IMAGE} was not told its revision, as scripts/build-image.sh does: npm run image`
    : undefined;
}

/** Whether what makes the image is in this checkout as a commit of its history holds it. */
function isAsIn(commit: string): boolean {
  const git = (...args: readonly string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  const paths = ['--', ...CONTEXT, 'Dockerfile', '.dockerignore', ':(exclude)*.spec.ts'];
  git('merge-base', '--is-ancestor', commit, 'HEAD');
  const changed = git('diff', '--name-only', commit, ...paths);
  const added = git('ls-files', '--others', '--exclude-standard', ...paths);
  return changed + added === '';
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
      [VERSION]: expect.stringMatching(/^\d+\.\d+\.\d+/),
      [REVISION]: expect.stringMatching(/^([0-9a-f]{40}(-dirty)?|unknown)$/),
      'org.opencontainers.image.created': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
  });
});

describeUnless(whyNoImage() ?? whyNotOfCheckout())('the image of this checkout', () => {
  it('has the version of package.json, and the revision that git has of what is in it', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };

    const { [VERSION]: itsVersion, [REVISION]: revision = '' } = await labels();

    expect(itsVersion).toBe(version);
    // Of HEAD, or of a commit since which nothing of the image has changed.
    const [, commit = '', dirty] = /^([0-9a-f]{40})(-dirty)?$/.exec(revision) ?? [];
    expect(isAsIn(commit)).toBe(dirty === undefined);
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
    const version = image[VERSION];
    const revision = image[REVISION];
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
