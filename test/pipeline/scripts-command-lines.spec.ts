import { describe, expect, it, jest } from '@jest/globals';
import { run, runStep } from './script.js';

jest.setTimeout(60_000);

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** A sentence for people: what a program says of itself where it breaks is none. */
function expectSentence(stderr: string, sentence: RegExp): void {
  expect(stderr).toMatch(sentence);
  expect(stderr).not.toMatch(/^ +at |Node\.js v/m);
}

describe('a step that is called wrongly says so in a sentence', () => {
  it.each([
    ['notify.sh', [], { NEEDS: 'none', SLACK_WEBHOOK_URL: 'https://slack.invalid/' }, /NEEDS is not the context/],
    ['notify.sh', [], { NEEDS: 'null', SLACK_WEBHOOK_URL: 'https://slack.invalid/' }, /NEEDS is not the context/],
    [
      'rollout.sh',
      ['prod', DIGEST],
      { PROMETHEUS_URL: 'http://127.0.0.1:1' },
      /http:\/\/127\.0\.0\.1:1 does not answer/,
    ],
    ['sign.sh', ['--chart'], { COSIGN_KEY: 'x.key' }, /^sign: usage/],
    [
      'sign.sh',
      ['hello-world:latest'],
      { COSIGN_KEY: 'x.key' },
      /^sign: 'hello-world:latest' is not a reference by digest/,
    ],
    ['licences.ts', ['--lock', '/nowhere'], {}, /^licences: .*\/nowhere/],
    ['licences.ts', ['--lok', 'x'], {}, /^licences: Unknown option '--lok'/],
    ['links.ts', ['--onlin'], {}, /^links: usage: links\.ts \[--online\]/],
  ])('%s %j', async (step, args, env, sentence) => {
    const { code, stderr } = await runStep(step, args, { env });

    expect(code).not.toBe(0);
    expectSentence(stderr, sentence);
  });

  it.each([
    [['--mian'], /^pipeline: Unknown option '--mian'/],
    [['--release', 'v1'], /^pipeline: --release is X\.Y\.Z, not 'v1'/],
  ])('npm run pipeline -- %j', async (args, sentence) => {
    const { code, stderr } = await run(process.execPath, ['scripts/pipeline.ts', ...args]);

    expect(code).toBe(2);
    expectSentence(stderr, sentence);
  });
});
