import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './script.js';

/** A repository without a work tree that can be pushed to, and a checkout to put commits of a test's own into it. */
export class GitRemote {
  readonly url: string;
  readonly checkout: string;

  /** @param copied folders of this repository that its first commit has */
  constructor(folder: string, copied: readonly string[] = []) {
    const place = mkdtempSync(join(folder, 'remote-'));
    this.url = join(place, 'remote.git');
    this.checkout = join(place, 'checkout');
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', this.url]);
    execFileSync('git', ['clone', '--quiet', this.url, this.checkout], { stdio: 'ignore' });
    for (const path of copied) cpSync(join(ROOT, path), join(this.checkout, path), { recursive: true });
    this.commit('README.md', 'a repository\n', 'start');
  }

  git(...args: readonly string[]): string {
    const identity = [
      '-c',
      'user.name=test',
      '-c',
      'user.email=test@example.invalid',
      '-c',
      'protocol.file.allow=always',
    ];
    return execFileSync('git', [...identity, ...args], { cwd: this.checkout, encoding: 'utf8', stdio: 'pipe' }).trim();
  }

  /** A commit on main. @returns its name */
  commit(path: string, text: string, message: string): string {
    mkdirSync(dirname(join(this.checkout, path)), { recursive: true });
    writeFileSync(join(this.checkout, path), text);
    this.git('add', '--all', '--force');
    this.git('commit', '--quiet', '-m', message);
    this.git('push', '--quiet', 'origin', 'HEAD:main');
    return this.git('rev-parse', 'HEAD');
  }

  /** What a branch of the remote has; `''` where there is no such file. */
  read(branch: string, path: string): string {
    this.git('fetch', '--quiet', '--prune', 'origin');
    try {
      return this.git('show', `origin/${branch}:${path}`);
    } catch {
      return '';
    }
  }

  tip(branch: string): string | undefined {
    return this.git('ls-remote', 'origin', `refs/heads/${branch}`).split('\t')[0] || undefined;
  }

  /** Merges a branch into main, as a pull request would. */
  merge(branch: string): string {
    this.git('fetch', '--quiet', 'origin');
    this.git('pull', '--quiet', '--ff-only', 'origin', 'main');
    this.git('merge', '--quiet', '--squash', `origin/${branch}`);
    this.git('commit', '--quiet', '-m', `merge ${branch}`);
    this.git('push', '--quiet', 'origin', 'HEAD:main');
    return this.git('rev-parse', 'HEAD');
  }
}
