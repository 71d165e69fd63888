/** Previews: what the script writes to their branch, and what Flux makes of it. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import {
  DIGEST,
  FLUX,
  FluxTree,
  kubeconform,
  objectsOf,
  releaseOf,
  renderRelease,
  resourceOf,
} from '../support/flux.js';
import { containers, type KubeObject, ofKind, pods, servicePod, template, theOne } from '../support/helm.js';
import { kubeSchemas } from '../support/kube-schemas.js';
import { refusals } from '../support/pod-security.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless, itUnless } from '../support/unless.js';

const schemas = await kubeSchemas();
const ROOT = join(FLUX, '../..');
const DAY_MS = 86_400_000;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A clone of a repository, its identity set, and the remote that Flux would follow. */
let tree: FluxTree;
let remote: string;
/** Where the script may leave something behind. */
let temporary: string;

const git = (...args: readonly string[]): string =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], {
    cwd: tree.root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const commits = (): string[] => git('--git-dir', remote, 'log', '--format=%s', 'previews').trim().split('\n');
const onBranch = (file: string): string => git('--git-dir', remote, 'show', `previews:previews/${file}`);
const filesOnBranch = (): string[] =>
  git('--git-dir', remote, 'ls-tree', '-r', '--name-only', 'previews').trim().split('\n');
const listed = (): unknown => (parse(onBranch('kustomization.yaml')) as { resources: unknown }).resources;
const objectsOfPreview = (number = 12): KubeObject[] => objectsOf(onBranch(`pr-${number}/preview.yaml`));

const preview = (...args: readonly string[]): Promise<Outcome> => previewIn(tree.root, ...args);

function previewIn(clone: string, ...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, TMPDIR: temporary };
    execFile(process.execPath, [join(clone, 'scripts/preview.ts'), ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
const create = (number = 12, ...options: readonly string[]): Promise<Outcome> =>
  preview('create', String(number), '--digest', DIGEST, ...options);

beforeEach(() => {
  tree = new FluxTree();
  cpSync(join(ROOT, 'scripts'), join(tree.root, 'scripts'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(tree.root, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(tree.root, 'node_modules'));
  remote = mkdtempSync(join(tmpdir(), 'previews-remote-'));
  temporary = mkdtempSync(join(tmpdir(), 'previews-tmp-'));
  git('init', '--quiet', '--bare', remote);
  git('init', '--quiet', '--initial-branch=main', '.');
  git('remote', 'add', 'origin', remote);
  git('add', 'deploy');
  git('commit', '--quiet', '--message=first');
});

afterEach(() => {
  tree.remove();
  for (const folder of [remote, temporary]) rmSync(folder, { recursive: true, force: true });
});

describeUnless(whyNoTool('kustomize') ?? whyNoTool('git'))('preview.ts', () => {
  it('create → a commit on a branch of its own, that has manifests and nothing else', async () => {
    const outcome = await create();

    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^pr-12: https:\/\/pr-12\.preview\.acme\.com until \d{4}-\d\d-\d\d\n$/);
    expect(commits()).toEqual([`pr-12: ${DIGEST}`]);
    expect(filesOnBranch()).toEqual(['previews/kustomization.yaml', 'previews/pr-12/preview.yaml']);
    expect(listed()).toEqual(['pr-12/preview.yaml']);
  });

  it('create again → no commit; with another digest → one more', async () => {
    await create();

    const again = await create();
    const other = await preview('create', '12', '--digest', `sha256:${'b'.repeat(64)}`);

    expect(again.stdout).toMatch(/, as it was\n$/);
    expect(other.code).toBe(0);
    expect(commits()).toHaveLength(2);
    expect(releaseOf(objectsOfPreview()).values['image']).toMatchObject({ digest: `sha256:${'b'.repeat(64)}` });
  });

  it('leaves what is checked out, staged and changed as it is, and nothing behind', async () => {
    tree.edit('non-prod/sync.yaml', (text) => `${text}\n`);
    const status = git('status', '--porcelain', '--untracked-files=no');
    const refs = git('for-each-ref', 'refs/heads');

    await create();
    await preview('remove', '12');

    expect(git('status', '--porcelain', '--untracked-files=no')).toBe(status);
    expect(git('for-each-ref', 'refs/heads')).toBe(refs);
    expect(git('worktree', 'list').trim().split('\n')).toHaveLength(1);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('remove → gone, also from the list, which stays for Flux; again → no commit', async () => {
    await create();
    await create(7);

    const outcomes = [await preview('remove', '12'), await preview('remove', '12'), await preview('remove', '7')];

    expect(outcomes.map(({ stdout }) => stdout)).toEqual([
      'pr-12: removed\n',
      'pr-12: there was none\n',
      'pr-7: removed\n',
    ]);
    expect(filesOnBranch()).toEqual(['previews/kustomization.yaml']);
    expect(listed()).toEqual([]);
    expect(commits()).toHaveLength(4);
  });

  it('expire → removes those whose last day is over, and one that does not say when it ends', async () => {
    await create(1, '--days', '1');
    await create(2);
    await create(3);
    const clone = mkdtempSync(join(tree.root, 'clone-'));
    git('clone', '--quiet', '--branch=previews', remote, clone);
    const yesterday = new Date(Date.now() - DAY_MS).toISOString().slice(0, 10);
    for (const [number, expires] of [
      [2, yesterday],
      [3, ''],
    ]) {
      execFileSync('sed', [
        '-i.bak',
        `s/expires: .*/expires: "${expires}"/`,
        join(clone, `previews/pr-${number}/preview.yaml`),
      ]);
    }
    git('-C', clone, 'commit', '--quiet', '--all', '--message=older');
    git('-C', clone, 'push', '--quiet');

    const outcomes = [await preview('expire'), await preview('expire')];

    expect(outcomes.map(({ stdout }) => stdout)).toEqual(['removed: pr-2, pr-3\n', 'none has expired\n']);
    expect(listed()).toEqual(['pr-1/preview.yaml']);
  });

  it('pipelines of several pull requests at the same time → all of them are there', async () => {
    const numbers = [1, 2, 3];
    const clones = numbers.map((number) => join(remote, `../${basename(remote)}-clone-${number}`));
    try {
      for (const clone of clones) cpSync(tree.root, clone, { recursive: true, verbatimSymlinks: true });

      const outcomes = await Promise.all(
        numbers.map((number, index) => previewIn(clones[index]!, 'create', `${number}`, '--digest', DIGEST)),
      );

      expect(outcomes.map(({ code, stderr }) => [code, stderr])).toEqual(outcomes.map(() => [0, '']));
      expect(listed()).toEqual(['pr-1/preview.yaml', 'pr-2/preview.yaml', 'pr-3/preview.yaml']);
    } finally {
      for (const clone of clones) rmSync(clone, { recursive: true, force: true });
    }
  });

  it.each([
    ['0', [], 'the pull request is "0"'],
    ['12a', [], 'the pull request is "12a"'],
    ['../12', [], 'the pull request is "../12"'],
    ['1e3', [], 'the pull request is "1e3"'],
    ['1234567', [], 'the pull request is "1234567"'],
    ['12\n', [], 'the pull request is "12\\n"'],
    ['12', ['--digest', 'latest'], '--digest is "latest"'],
    ['12', ['--digest', `${DIGEST}0`], '--digest is'],
    ['12', ['--digest', ''], '--digest is ""'],
    ['12', ['--days', '0'], '--days is "0"'],
    ['12', ['--days', '31'], '--days is "31"'],
  ])('create %j %j → is refused in a sentence, and nothing is pushed', async (number, options, problem) => {
    const outcome = await preview('create', number, '--digest', DIGEST, ...options);

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(problem);
    expect(outcome.stderr.trim().split('\n')).toHaveLength(1);
    expect(git('--git-dir', remote, 'for-each-ref')).toBe('');
  });

  it.each([
    '',
    'https://preview.acme.com',
    'preview.acme.com:8443',
    'preview_1.acme.com',
    'Preview.acme.com',
    `${'a'.repeat(64)}.com`,
  ])('domain %j → the host is refused, naming the one place to set it', async (domain) => {
    tree.identify('identity-previews', 'domain', domain);

    const outcome = await create();

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain(
      'which is no DNS name: identity-previews, domain, in deploy/flux/identity/identity.yaml',
    );
  });

  it('an identity that is not set → is refused, naming what is missing', async () => {
    tree.identify('identity-previews', 'domain', undefined);

    const outcome = await create();

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('fieldPath `data.domain` is missing');
  });

  it('a remote that refuses, or is not there → a sentence, and exit code 1', async () => {
    git('remote', 'set-url', 'origin', join(remote, 'nowhere'));

    const outcome = await create();

    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toContain('git failed: ');
  });

  it.each([[[]], [['create']], [['destroy', '12']], [['expire', '12']], [['remove', '12', '--force']]])(
    '%j → tells how it is used',
    async (args) => {
      const outcome = await preview(...args);

      expect(outcome).toMatchObject({ code: 2, stdout: '' });
      expect(outcome.stderr).toContain('usage: preview.ts create <number> --digest sha256:');
    },
  );

  describe('a preview', () => {
    beforeEach(async () => {
      expect(await create()).toMatchObject({ code: 0 });
    });

    it('is one namespace with everything in it, that Pod Security and the policies look at', () => {
      const objects = objectsOfPreview();

      const namespace = theOne(objects, 'Namespace', 'hello-world-pr-12');
      expect(namespace.metadata.labels).toMatchObject({
        'hello-world/preview': 'true',
        'pod-security.kubernetes.io/enforce': 'restricted',
      });
      // It goes with its folder.
      expect(namespace.metadata.annotations).not.toHaveProperty(['kustomize.toolkit.fluxcd.io/prune']);
      expect(objects.filter(({ metadata }) => metadata.namespace !== 'hello-world-pr-12')).toEqual([namespace]);
    });

    it('has a quota and limits that its release fits into', () => {
      const objects = objectsOfPreview();

      expect(theOne(objects, 'ResourceQuota').spec).toMatchObject({
        hard: { pods: '4', 'services.loadbalancers': '0' },
      });
      expect(ofKind(objects, 'LimitRange')).toHaveLength(1);
    });

    it('has no database, no migration, no monitoring, and one pod', () => {
      const rendered = renderRelease(releaseOf(objectsOfPreview()));

      expect(JSON.stringify(rendered)).not.toMatch(/DATABASE_URL|existingSecret|ServiceMonitor|PrometheusRule/);
      expect(ofKind(rendered, 'Job')).toEqual([]);
      // By which the helm-controller panics.
      expect(JSON.stringify(rendered)).not.toContain('hook-output-log-policy');
      expect(theOne(rendered, 'Deployment').spec).toMatchObject({ replicas: 1 });
    });

    it('runs the image by its digest, as Pod Security wants it, under its own host with a certificate', () => {
      const rendered = renderRelease(releaseOf(objectsOfPreview()));

      for (const [name, pod] of pods(rendered)) {
        expect([name, refusals(pod)]).toEqual([name, []]);
        for (const { image } of containers(pod))
          expect(image).toMatch(new RegExp(`/acme/hello-world-pr:pr-12@${DIGEST}$`));
      }
      expect(theOne(rendered, 'Ingress').spec).toMatchObject({
        tls: [{ hosts: ['pr-12.preview.acme.com'] }],
        rules: [{ host: 'pr-12.preview.acme.com', http: { paths: [{ path: '/', pathType: 'Exact' }] } }],
      });
      expect(servicePod(rendered).automountServiceAccountToken).toBe(false);
    });

    it('is released by an account that may do what the release needs, by a role that the account of previews may bind', () => {
      const objects = objectsOfPreview();
      const platform = tree.build('non-prod');
      const role = theOne(platform, 'ClusterRole', 'hello-world-preview-reconciler');
      const bindable = (
        theOne(platform, 'ClusterRole', 'hello-world-previews')['rules'] as {
          verbs: string[];
          resourceNames?: string[];
        }[]
      )
        .filter(({ verbs }) => verbs.includes('bind'))
        .flatMap(({ resourceNames }) => resourceNames ?? []);

      for (const { roleRef } of ofKind(objects, 'RoleBinding') as unknown as {
        roleRef: { kind: string; name: string };
      }[]) {
        expect(roleRef.kind).toBe('ClusterRole');
        expect(bindable).toContain(roleRef.name);
      }
      expect(theOne(objects, 'RoleBinding', 'hello-world-reconciler')['subjects']).toEqual([
        { kind: 'ServiceAccount', name: 'hello-world-reconciler', namespace: 'hello-world-pr-12' },
      ]);
      expect(releaseOf(objects).object.spec).toMatchObject({ serviceAccountName: 'hello-world-reconciler' });
      const granted = new Set(
        (role['rules'] as { resources: string[]; verbs: string[] }[])
          .filter(({ verbs }) => verbs.includes('create') && verbs.includes('delete'))
          .flatMap(({ resources }) => resources),
      );
      const needed = renderRelease(releaseOf(objects)).map(resourceOf);
      expect(needed.filter(([, resource]) => !granted.has(resource))).toEqual([]);
    });

    itUnless(schemas.missing)('has no field that Kubernetes or Flux does not know', async () => {
      const { values, ...release } = releaseOf(objectsOfPreview());

      const { stdout } = template(values, { release: release.name, namespace: release.namespace });

      expect(kubeconform(schemas, onBranch('pr-12/preview.yaml'))).toMatch(/Invalid: 0, Errors: 0, Skipped: 0/);
      expect(kubeconform(schemas, stdout)).toMatch(/Invalid: 0, Errors: 0, Skipped: 0/);
    });
  });

  it('the branch is what Flux follows, and what is removed from it is removed from the cluster', () => {
    const objects = tree.build('non-prod');

    expect(theOne(objects, 'GitRepository', 'hello-world-previews').spec).toMatchObject({
      ref: { branch: 'previews' },
    });
    expect(theOne(objects, 'Kustomization', 'hello-world-previews').spec).toMatchObject({
      sourceRef: { kind: 'GitRepository', name: 'hello-world-previews' },
      path: './previews',
      prune: true,
      serviceAccountName: 'hello-world-previews',
    });
    expect(existsSync(join(FLUX, 'previews/preview/hello-world-helmrelease.yaml'))).toBe(true);
  });
});
