import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { hasImage, whyNoEngine } from '../support/docker.js';
import { itUnless } from '../support/unless.js';
import { pathWithout, program } from './planted.js';
import { runStep } from './script.js';

jest.setTimeout(300_000);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-integration-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('integration.sh', () => {
  it('is skipped without an engine, and says which image is missing', async () => {
    const noEngine = await runStep('integration.sh', [], { env: { PATH: pathWithout(folder, 'docker') } });
    const { PATH } = program(folder, 'docker', '[ "$1" = version ]');
    const noImage = await runStep('integration.sh', ['hello-world:none'], { env: { PATH } });

    expect(noEngine).toMatchObject({ code: 0, stdout: expect.stringMatching(/^skipped: /) });
    expect(noImage.code).toBe(1);
    expect(noImage.stderr).toContain('the engine has no hello-world:none: scripts/ci/load-image.sh brings it');
  });

  const whyNot =
    whyNoEngine() ?? (hasImage('hello-world:local') ? undefined : 'there is no image hello-world:local; npm run image');
  itUnless(whyNot)('passes for the image of this repository, alone and with what it meets in a cluster', async () => {
    const ended = await runStep('integration.sh', ['hello-world:local'], { env: { INTEGRATION_PORT: '18981' } });

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain(
      'alone: the page, http_requests_total{handler="/",method="GET",status="200"} = 3, an orderly end',
    );
    expect(ended.stdout).toMatch(
      /trace [0-9a-f]{32} from the log to the collector|skipped: Postgres, flagd and collector: /,
    );
  });

  const whyNoOther = whyNoEngine() ?? (hasImage('debian:trixie-slim') ? undefined : 'there is no other image here');
  itUnless(whyNoOther)('fails for an image that is something else', async () => {
    const ended = await runStep('integration.sh', ['debian:trixie-slim'], {
      env: { INTEGRATION_PORT: '18982', INTEGRATION_DEADLINE_S: '3' },
    });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/waited 3 s in vain/);
  });
});
