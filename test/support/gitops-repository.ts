/** What a team has in Git: this repository's deploy/, its identity set, and a remote that Flux follows. */
import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { FLUX, FluxTree } from './flux.js';
import { CHART } from './helm.js';

const run = promisify(execFile);
const ROOT = join(FLUX, '../..');
const NAME = 'hello-world.git';

export class GitOpsRepository {
  /** What is checked out. `commit` brings it to Flux. */
  readonly tree = new FluxTree();
  /** Folder of the remote, to be served. */
  readonly served = mkdtempSync(join(tmpdir(), 'gitops-'));

  constructor() {
    const { root } = this.tree;
    cpSync(CHART, join(root, 'deploy/helm/hello-world'), { recursive: true });
    cpSync(join(ROOT, 'scripts'), join(root, 'scripts'), { recursive: true });
    cpSync(join(ROOT, 'package.json'), join(root, 'package.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    this.#git('init', '--quiet', '--bare', '--initial-branch=main', this.remote);
    this.#git('init', '--quiet', '--initial-branch=main', '.');
    this.#git('remote', 'add', 'origin', this.remote);
  }

  private get remote(): string {
    return join(this.served, NAME);
  }

  /** @param origin of the server of `served` */
  url(origin: string): string {
    return `${origin}/${NAME}`;
  }

  /** Adds a patch to the Kustomization of a layer, after those that it has. */
  patch(layer: string, kind: string, change: object): void {
    this.tree.edit(`${layer}/kustomization.yaml`, (text) => {
      const patch = stringify([{ target: { kind }, patch: stringify(change) }]).replaceAll(/^(?=.)/gm, '  ');
      return text.replace(/^patches:\n(?: .*\n)*/m, (patches) => patches + patch);
    });
  }

  /** Writes a file of a layer, and lists it there. */
  addResource(layer: string, file: string, objects: readonly object[]): void {
    appendFileSync(
      join(this.tree.root, 'deploy/flux', layer, file),
      objects.map((one) => stringify(one)).join('---\n'),
    );
    this.tree.edit(`${layer}/kustomization.yaml`, (text) => text.replace('resources:\n', `resources:\n  - ${file}\n`));
  }

  /** Commits and pushes what has changed. @returns the revision, as Flux names it */
  commit(message: string): string {
    this.#git('add', 'deploy');
    this.#git('commit', '--quiet', '--message', message);
    this.#git('push', '--quiet', 'origin', 'main');
    return this.#revision('main');
  }

  /** Runs scripts/preview.ts. @returns what it says, and the revision of its branch */
  async preview(...args: readonly string[]): Promise<{ readonly said: string; readonly revision: string }> {
    const { stdout } = await run(process.execPath, [join(this.tree.root, 'scripts/preview.ts'), ...args]);
    return { said: stdout, revision: this.#revision('previews') };
  }

  remove(): void {
    this.tree.remove();
    rmSync(this.served, { recursive: true, force: true });
  }

  #revision(branch: string): string {
    return `${branch}@sha1:${this.#git('--git-dir', this.remote, 'rev-parse', branch).trim()}`;
  }

  #git(...args: readonly string[]): string {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@localhost', '-c', 'commit.gpgsign=false'];
    return execFileSync('git', [...identity, ...args], { cwd: this.tree.root, encoding: 'utf8' });
  }
}
