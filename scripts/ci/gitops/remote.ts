import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Commits } from './commits.ts';
import { GitOpsProblem } from './problem.ts';
import type { Files } from './release.ts';

/** Other runs push at the same time. */
const TRIES = 5;
/** How far back a state is looked for. */
const HISTORY = 50;

/** What became of a proposal, by the commit that its branch has; `has it`: the base has these files as they are. */
export type Proposed = { readonly done: 'pushed' | 'as it was'; readonly commit: string } | { readonly done: 'has it' };

export interface RemoteOptions {
  /** A URL, a path, or the name of a remote of this repository. */
  readonly remote: string;
  /** The branch that is followed by what deploys. */
  readonly base: string;
  /** For git's pushes to GitHub: in its environment only. */
  readonly token?: string;
}

/** The branch that Flux follows, in a copy of its own: what is checked out here stays as it is. */
export class RemoteBranch {
  readonly #url: string;
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'gitops-'));
  /** The history of this very repository. */
  readonly commits = new Commits(this.#folder);

  constructor({ remote, base, token }: RemoteOptions) {
    this.#base = base;
    this.#token = token;
    const known = spawnSync('git', ['remote', 'get-url', remote], { encoding: 'utf8' });
    this.#url = known.status === 0 ? known.stdout.trim() : remote;
    this.#git(['init', '--quiet', '--bare', '.']);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get url(): string {
    return this.#url;
  }

  /** Learns what is there now: first of all, and again when it may have changed. */
  update(): void {
    // All commits, since a question may be which came first; files only when they are asked for.
    this.#git([
      'fetch',
      '--quiet',
      '--prune',
      '--no-tags',
      '--filter=blob:none',
      this.#url,
      `+refs/heads/${this.#base}:refs/base`,
      '+refs/heads/gitops/*:refs/gitops/*',
      '+refs/tags/release/*:refs/tags/release/*',
    ]);
  }

  /** @returns the files that are there, of those asked for */
  read(paths: readonly string[], commit = 'refs/base'): Files {
    const found = paths.flatMap((path) => {
      const { status, stdout } = this.#run(['cat-file', 'blob', `${commit}:${path}`]);
      return status === 0 ? [[path, stdout] as const] : [];
    });
    return new Map(found);
  }

  /** The states that files had before, the newest first. */
  *history(paths: readonly string[]): Generator<Files> {
    const log = this.#git(['log', '--format=%H', `--max-count=${HISTORY}`, 'refs/base', '--', ...paths]);
    for (const commit of log.split('\n').filter(Boolean)) yield this.read(paths, commit);
  }

  /**
   * Pushes files as the one commit of a branch on top of the base, in place of what the last update has seen there.
   *
   * @param filesNow asked again whenever somebody else has been faster
   */
  propose(branch: string, message: string, filesNow: () => Files): Proposed {
    for (let left = TRIES; ; left -= 1) {
      const commit = this.#commit(filesNow(), message);
      if (commit === undefined) return { done: 'has it' };
      const there = this.#tip(branch);
      if (there !== undefined && this.#sameChange(there, commit)) return { done: 'as it was', commit: there };
      const lease = `--force-with-lease=refs/heads/${branch}:${there ?? ''}`;
      const push = this.#run(['push', '--quiet', lease, this.#url, `${commit}:refs/heads/${branch}`]);
      if (push.status === 0) return { done: 'pushed', commit };
      const late = /\[(remote )?rejected\]|stale info|cannot lock ref/.test(push.stderr);
      if (!late || left === 1) throw new GitOpsProblem(`git push to ${branch} failed: ${push.stderr.trim()}`);
      this.update();
    }
  }

  /**
   * Deletes a branch, unless something else was pushed to it since the last update. Whether it went is not asked: one that
   * stays only holds back what is older.
   */
  remove(branch: string): void {
    const there = this.#tip(branch);
    if (there === undefined) return;
    const lease = `--force-with-lease=refs/heads/${branch}:${there}`;
    this.#run(['push', '--quiet', lease, this.#url, `:refs/heads/${branch}`]);
  }

  #commit(files: Files, message: string): string | undefined {
    const env = { GIT_INDEX_FILE: join(this.#folder, 'index-of-this-run') };
    this.#git(['read-tree', 'refs/base'], env);
    for (const [path, text] of files) {
      const blob = this.#git(['hash-object', '-w', '--stdin'], {}, text);
      this.#git(['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`], env);
    }
    const tree = this.#git(['write-tree', '--missing-ok'], env);
    if (tree === this.#git(['rev-parse', 'refs/base^{tree}'])) return undefined;
    return this.#git(['commit-tree', tree, '-p', 'refs/base', '-m', message]);
  }

  #tip(branch: string): string | undefined {
    const { status, stdout } = this.#run(['rev-parse', '--verify', '--quiet', `refs/${branch}`]);
    return status === 0 ? stdout.trim() : undefined;
  }

  #sameChange(there: string, commit: string): boolean {
    const what = (of: string) => this.#run(['rev-parse', `${of}^{tree}`, `${of}^`]).stdout;
    return what(there) === what(commit);
  }

  /** @throws GitOpsProblem where git fails */
  #git(args: readonly string[], env: Readonly<Record<string, string>> = {}, input = ''): string {
    const { status, stdout, stderr } = this.#run(args, env, input);
    if (status !== 0) throw new GitOpsProblem(`git ${args[0]} of ${this.#url} failed: ${stderr.trim()}`);
    return stdout.trim();
  }

  #run(args: readonly string[], env: Readonly<Record<string, string>> = {}, input = '') {
    const identity = ['-c', 'user.name=hello-world pipeline', '-c', 'user.email=pipeline@hello-world.invalid'];
    return spawnSync('git', [...identity, ...args], {
      cwd: this.#folder,
      encoding: 'utf8',
      input,
      env: { ...process.env, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', ...this.#authorization(), ...env },
    });
  }

  /** For the host of the remote alone. */
  #authorization(): Record<string, string> {
    if (this.#token === undefined || !this.#url.startsWith('https://')) return {};
    const header = Buffer.from(`x-access-token:${this.#token}`).toString('base64');
    return {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: `http.${new URL(this.#url).origin}/.extraheader`,
      GIT_CONFIG_VALUE_0: `AUTHORIZATION: basic ${header}`,
    };
  }
}
