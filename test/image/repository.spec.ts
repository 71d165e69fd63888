import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { describeUnless } from '../support/unless.js';
import { ROOT } from './image.js';

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const git = (...args: readonly string[]): string => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' });

/** What a picture is allowed to be. */
const PICTURE = /^docs\/.*\.(png|svg|webp)$/;

describe('the Dockerfile', () => {
  const stages = [...read('Dockerfile').matchAll(/^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?$/gm)];

  it('takes every image from outside by tag and digest', () => {
    const names = new Set(stages.map(([, , name]) => name));

    const outside = stages.map(([, image = '']) => image).filter((image) => !names.has(image));

    expect(outside.length).toBeGreaterThan(1);
    for (const image of outside) expect(image).toMatch(/^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/);
  });

  it('names no architecture, so that it builds for each', () => {
    const text = ['Dockerfile', 'deploy/image/settle.sh', 'deploy/image/prune-dependencies.sh'].map(read).join('\n');

    expect(text).not.toMatch(/x86[_-]64|amd64|aarch64|arm64|\bx64\b/i);
  });

  it('fixes no stage to a platform: each is the one that is built for', () => {
    const fixed = stages.map(([line]) => line).filter((line) => line.includes('--platform'));

    expect(fixed).toEqual([]);
  });

  it('knows no version: it is told', () => {
    expect(read('Dockerfile')).not.toContain((JSON.parse(read('package.json')) as { version: string }).version);
  });
});

const noRepository =
  spawnSync('git', ['rev-parse', 'HEAD'], { cwd: ROOT }).status === 0 ? undefined : 'needs git and its history';

describeUnless(noRepository)('the repository', () => {
  it('holds text, and no file that somebody built', async () => {
    const binary = git('ls-files', '--eol')
      .split('\n')
      .filter((line) => line.startsWith('i/-text'))
      .map((line) => line.split('\t')[1] ?? '');

    expect(binary.filter((file) => !PICTURE.test(file))).toEqual([]);
  });

  it.each(['dist/', 'node_modules/', '.data/', 'coverage/'])('lets git not see %s', async (path) => {
    const { status } = spawnSync('git', ['check-ignore', '--quiet', '--no-index', path], { cwd: ROOT });

    expect(status).toBe(0);
  });

  it.each(['LICENSE', '.github/CODEOWNERS'])('has a %s', async (file) => {
    expect(existsSync(join(ROOT, file))).toBe(true);
  });
});
