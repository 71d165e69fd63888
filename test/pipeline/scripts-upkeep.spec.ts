import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Desk } from './desk.js';
import { type Ended, ROOT } from './script.js';
import { readTexts } from './workflow-files.js';

let desk: Desk;

beforeEach(() => {
  desk = new Desk();
});

afterEach(() => desk.leave());

describe('scripts/ci/rescan.sh', () => {
  it('without a registry, or without Trivy, it is skipped', async () => {
    const noRegistry = await desk.step('rescan.sh');
    const noTrivy = await desk.step('rescan.sh', [], { REPOSITORY: 'localhost:5000/hello-world' });

    expect([noRegistry.code, noTrivy.code]).toEqual([0, 0]);
    expect(noRegistry.stdout).toMatch(/^skipped: REPOSITORY is not set/m);
    expect(noTrivy.stdout).toMatch(/^skipped: there is no trivy/m);
  });

  it('an environment in which nothing is deployed is told', async () => {
    desk.plant('trivy', 'exit 1');

    const ended = await desk.step('rescan.sh', [], { REPOSITORY: 'localhost:5000/hello-world' });

    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/^skipped: non-prod: nothing is deployed/m);
  });
});

describe('scripts/ci/preview.sh', () => {
  const DIGEST = `sha256:${'d'.repeat(64)}`;

  it.each([[[]], [['show', '12']], [['remove']], [['expire', '12']]])('%j is not understood', async (args) => {
    const ended = await desk.step('preview.sh', args, { GH_TOKEN: 'a-token' });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('usage:');
  });

  it('without a token it is skipped, in the summary too', async () => {
    const ended = await desk.step('preview.sh', ['show', '12', DIGEST]);

    expect(ended.code).toBe(0);
    expect(desk.written('summary')).toContain('skipped: GH_TOKEN is not set');
  });

  it('a repository that has not said where previews live has none', async () => {
    desk.plant(
      'kustomize',
      'echo "fieldPath \\`data.domain\\` is missing for replacement source ConfigMap/identity-previews" >&2; exit 1',
    );

    desk.plant('gh', "echo 'OPEN true'");

    const ended = await desk.step('preview.sh', ['show', '12', DIGEST], { GH_TOKEN: 'a-token' });

    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/^skipped: no previews here: .*data\.domain/m);
    expect(ended.stdout + ended.stderr).not.toContain('a-token');
  });

  /** In a copy, where scripts/preview.ts is a fake as well: the real one pushes to where this repository comes from. */
  const OPEN = { state: 'OPEN', labels: [{ name: 'docs' }, { name: 'preview' }] };
  const show = (page: string, pull: object = OPEN): Promise<Ended> => {
    desk.copy('clone', ['scripts/ci/lib.sh', 'scripts/ci/github.sh', 'scripts/ci/preview.sh', 'scripts/smoke-test.sh']);
    desk.plant('kustomize', 'exit 1');
    desk.plant(
      'node',
      `echo "$*" >>'${desk.folder}/previewed'; echo "pr-12: https://pr-12.preview.acme.com until 2026-12-31"`,
    );
    writeFileSync(join(desk.folder, 'pull.json'), JSON.stringify(pull));
    desk.plant('curl', `case "$*" in *pr-12.preview.acme.com/) ${page} ;; *) printf "\\n404" ;; esac`);
    desk.plant(
      'gh',
      `case "$*" in
        "pr view 12 --json state,labels --jq "*) jq -r "$7" '${desk.folder}/pull.json' ;;
        *) echo "$*" >'${desk.folder}/asked'; cat >'${desk.folder}/comment' ;;
      esac`,
    );
    return desk.copied('clone/scripts/ci/preview.sh', ['show', '12', DIGEST], {
      GH_TOKEN: 'a-token',
      PREVIEW_DEADLINE_S: '0',
    });
  };

  it('waits until it answers as it should, and says where it is at the pull request, in a comment of its own', async () => {
    const ended = await show('printf "hello world\\n200"');

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(desk.written('asked')).toBe('pr comment 12 --edit-last --create-if-none --body-file -\n');
    expect(desk.written('comment')).toContain('<https://pr-12.preview.acme.com>');
    expect(desk.written('comment')).toContain(DIGEST);
    expect(desk.written('summary')).toContain('<https://pr-12.preview.acme.com>');
  });

  it('one that does not answer as it should fails, and is not announced', async () => {
    const ended = await show('printf "\\n502"');

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('https://pr-12.preview.acme.com does not answer as it should');
    expect(desk.written('asked')).toBe('');
  });

  it.each([
    ['was closed', { ...OPEN, state: 'CLOSED' }],
    ['was merged', { ...OPEN, state: 'MERGED' }],
    ['has the label no longer', { ...OPEN, labels: [{ name: 'docs' }] }],
  ])('one whose pull request %s in the meantime is removed, and none is made', async (_, pull) => {
    const ended = await show('printf "hello world\\n200"', pull);

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('preview: pull request 12 is not open, or not labelled preview\n');
    expect(desk.written('previewed')).toBe('scripts/preview.ts remove 12\n');
    expect(desk.written('asked')).toBe('');
  });

  it('none is made where GitHub does not say whether the pull request is open', async () => {
    desk.copy('clone', ['scripts/ci/lib.sh', 'scripts/ci/github.sh', 'scripts/ci/preview.sh']);
    desk.plant('kustomize', 'exit 1');
    desk.plant('gh', 'exit 1');

    const ended = await desk.copied('clone/scripts/ci/preview.sh', ['show', '12', DIGEST], { GH_TOKEN: 'a-token' });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('GitHub does not say whether pull request 12 is open');
  });

  it('anything else that is wrong fails', async () => {
    const ended = await desk.step('preview.sh', ['remove', 'twelve'], { GH_TOKEN: 'a-token' });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('the pull request is "twelve"');
  });
});

describe('scripts/ci/refresh-tools.ts', () => {
  it('writes the newest versions into the file that has the tool, and leaves what is held', async () => {
    const outdated = (name: string, requested: string, bump: string | null, file: string) => [
      name,
      { name, requested, bump, source: { path: join(desk.folder, file) } },
    ];
    const said = Object.fromEntries([
      outdated('pipx:one', '1.0.0', '1.1.0', 'mise.toml'),
      outdated('pipx:two', '2.0.0', null, 'mise.toml'),
      outdated('aqua:three', '3.0.0', '4.0.0', 'mise.ci.toml'),
      outdated('go:github.com/prometheus/alertmanager/cmd/alertmanager', '0.31.1', '0.34.2', 'mise.toml'),
    ]);
    writeFileSync(join(desk.folder, 'said.json'), JSON.stringify(said));
    desk.plant('mise', `cat '${desk.folder}/said.json'`);
    const main = join(desk.folder, 'mise.toml');
    const ci = join(desk.folder, 'mise.ci.toml');
    const alertmanager = '"go:github.com/prometheus/alertmanager/cmd/alertmanager" = "0.31.1"\n';
    writeFileSync(main, `# why\n"pipx:one" = "1.0.0"\n"pipx:two" = "2.0.0"\n${alertmanager}`);
    writeFileSync(ci, '"aqua:three" = "3.0.0"\n');

    const ended = await desk.step('refresh-tools.ts', [main, ci]);

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(main, 'utf8')).toBe(`# why\n"pipx:one" = "1.1.0"\n"pipx:two" = "2.0.0"\n${alertmanager}`);
    expect(readFileSync(ci, 'utf8')).toBe('"aqua:three" = "4.0.0"\n');
  });
});

describe('scripts/ci/refresh.sh', () => {
  let clone: string;
  let origin: string;
  const git = (where: string, ...args: readonly string[]): string =>
    execFileSync('git', ['-C', where, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
      encoding: 'utf8',
    }).trim();

  beforeEach(() => {
    clone = join(desk.folder, 'clone');
    origin = join(desk.folder, 'origin.git');
    desk.copy('clone', [
      'scripts/ci/lib.sh',
      'scripts/ci/github.sh',
      'scripts/ci/refresh.sh',
      'scripts/ci/refresh-tools.ts',
      'Dockerfile',
    ]);
    writeFileSync(join(clone, 'mise.toml'), '"pipx:one" = "1.0.0"\n');
    writeFileSync(join(clone, 'mise.ci.toml'), '');
    execFileSync('git', ['init', '--quiet', '--bare', origin]);
    git(clone, 'init', '--quiet', '--initial-branch=main');
    git(clone, 'add', '.');
    git(clone, 'commit', '--quiet', '--message=first');
    git(clone, 'remote', 'add', 'origin', origin);
    const one = { name: 'pipx:one', requested: '1.0.0', bump: '1.1.0', source: { path: join(clone, 'mise.toml') } };
    desk.plant('mise', `echo '${JSON.stringify({ one })}'`);
    desk.plant('npm', 'echo "# a newer digest" >>Dockerfile');
    desk.plant('gh', `echo "$*" >>'${desk.folder}/asked'`);
  });

  const refresh = (env: NodeJS.ProcessEnv): Promise<Ended> => desk.copied('clone/scripts/ci/refresh.sh', [], env);

  it('proposes images and tools on a branch of its own, and main stays as it is', async () => {
    const ended = await refresh({ GH_TOKEN: 'a-token' });

    expect(ended.code).toBe(0);
    expect(git(origin, 'branch', '--format=%(refname:short)')).toBe('refresh/images-and-tools');
    expect(git(origin, 'show', '--stat', '--format=%s', 'refresh/images-and-tools')).toMatch(
      /^build: base images[^]*Dockerfile[^]*mise\.toml/,
    );
    expect(desk.written('asked')).toMatch(/^pr list --head refresh\/images-and-tools.*\npr create --base main /);
    expect(ended.stdout + ended.stderr).not.toContain('a-token');
  });

  it('a pull request that is open is renewed', async () => {
    desk.plant('gh', `echo "$*" >>'${desk.folder}/asked'; echo 7`);

    const ended = await refresh({ GH_TOKEN: 'a-token' });

    expect(ended.stdout).toContain('the pull request is renewed');
    expect(desk.written('asked')).not.toContain('pr create');
  });

  it('nothing is newer: nothing is proposed', async () => {
    desk.plant('npm', 'true');
    desk.plant('mise', "echo '{}'");

    const ended = await refresh({ GH_TOKEN: 'a-token' });

    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toContain('everything is as of today');
    expect(desk.written('asked')).toBe('');
  });

  it('a registry that does not answer, and no token: both are told', async () => {
    desk.plant('npm', 'exit 2');

    const ended = await refresh({});

    expect(ended.code).toBe(0);
    expect(desk.written('summary')).toMatch(/skipped: some images[^]*skipped: GH_TOKEN is not set/);
    expect(git(origin, 'branch')).toBe('');
  });
});

describe('tools of runners', () => {
  it('what the workflows install is in mise.toml or in mise.ci.toml', () => {
    const read = (files: readonly string[]): string =>
      files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
    const known = new Set(
      [...read(['mise.toml', 'mise.ci.toml']).matchAll(/^"([^"]+)" = "\d/gm)].map(([, name]) => name),
    );
    const workflows = ['ci', 'gates', 'rescan', 'kubernetes'].map((name) => `.github/workflows/${name}.yml`);
    const asked = [...read(workflows).matchAll(/\b(?:go|pipx|aqua):[\w./-]+/g)].map(([name]) => name);

    expect(asked.filter((name) => !known.has(name))).toEqual([]);
    expect(asked.length).toBeGreaterThan(20);
  });

  it('cosign is the same on runners as on a desk', () => {
    const [, onDesk] =
      /^"aqua:sigstore\/cosign" = "(.+)"$/m.exec(readFileSync(join(ROOT, 'mise.ci.toml'), 'utf8')) ?? [];
    const files = [...readTexts().values()].join('\n');
    const onRunners = [...files.matchAll(/cosign-release: v(.+)/g)].map(([, version]) => version);

    expect(new Set(onRunners)).toEqual(new Set([onDesk]));
  });
});
