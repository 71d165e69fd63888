import { spawnSync } from 'node:child_process';

/** The history of the service's own repository, by whose commits and releases images are named. */
export class Commits {
  readonly #folder: string;

  /** @param folder of a checkout, or of a repository without one, with its tags */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether one commit came before another; not when one of them is unknown here. */
  isBefore(commit: string, other: string): boolean {
    return commit !== other && this.#git('merge-base', '--is-ancestor', commit, other).status === 0;
  }

  /** The commit that a version is of, by its tag in git; `undefined` where there is no such release. */
  ofRelease(version: string): string | undefined {
    const { status, stdout } = this.#git('rev-parse', '--verify', '--quiet', `refs/tags/release/${version}^{commit}`);
    return status === 0 ? stdout.trim() : undefined;
  }

  #git(...args: readonly string[]) {
    return spawnSync('git', args, { cwd: this.#folder, encoding: 'utf8' });
  }
}
