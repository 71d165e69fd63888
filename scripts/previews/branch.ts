import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PreviewError } from './render.ts';

const BRANCH = 'refs/heads/previews';
/** Pipelines of several pull requests push at the same time. */
const TRIES = 5;

export interface Branch {
  readonly repository: string;
  readonly remote: string;
}

/**
 * Changes what is on the branch, and pushes it as one commit; it is made where there is none. Whatever is checked out,
 * staged or changed in the repository stays as it is: the files are in a folder of their own, with an index of their own.
 *
 * @param change may be called again, with what somebody else has pushed in the meantime
 * @returns whether there was anything to push
 * @throws PreviewError where git fails
 */
export function changeBranch(branch: Branch, message: string, change: (folder: string) => void): boolean {
  for (let left = TRIES; ; left -= 1) {
    const parent = fetch(branch);
    const commit = commitChange(branch, parent, message, change);
    if (commit === undefined) return false;
    const push = git(branch, ['push', '--quiet', branch.remote, `${commit}:${BRANCH}`]);
    if (push.status === 0) return true;
    // Refused, as it would undo another push, or as another one is under way.
    const late = /\[(remote )?rejected\]/.test(push.stderr);
    if (!late || left === 1) throw new PreviewError(`git push failed: ${push.stderr.trim()}`);
  }
}

/** The commit that the branch is at; `undefined`: there is no such branch yet. */
function fetch(branch: Branch): string | undefined {
  const { stdout } = must(git(branch, ['ls-remote', branch.remote, BRANCH]));
  if (stdout === '') return undefined;
  must(git(branch, ['fetch', '--quiet', '--no-tags', '--depth=1', branch.remote, BRANCH]));
  return must(git(branch, ['rev-parse', 'FETCH_HEAD'])).stdout.trim();
}

function commitChange(
  branch: Branch,
  parent: string | undefined,
  message: string,
  change: (folder: string) => void,
): string | undefined {
  const temporary = mkdtempSync(join(tmpdir(), 'previews-'));
  try {
    const files = { GIT_WORK_TREE: mkdtempSync(join(temporary, 'files-')), GIT_INDEX_FILE: join(temporary, 'index') };
    const inFiles = (...args: readonly string[]): string => must(git(branch, args, files)).stdout.trim();
    if (parent !== undefined) {
      inFiles('read-tree', parent);
      inFiles('checkout-index', '--all');
    }
    change(files.GIT_WORK_TREE);
    inFiles('add', '--all', '--force', '.');
    const tree = inFiles('write-tree');
    if (parent !== undefined && tree === inFiles('rev-parse', `${parent}^{tree}`)) return undefined;
    return inFiles('commit-tree', tree, ...(parent === undefined ? [] : ['-p', parent]), '-m', message);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

interface GitResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function git({ repository }: Branch, args: readonly string[], files?: Readonly<Record<string, string>>): GitResult {
  const identity = ['-c', 'user.name=hello-world previews', '-c', 'user.email=previews@hello-world.invalid'];
  // With a work tree of its own, git must be told where the repository is, and be in that tree.
  const where = files === undefined ? {} : { ...files, GIT_DIR: gitDir(repository) };
  const { error, ...result } = spawnSync('git', [...identity, ...args], {
    cwd: files?.['GIT_WORK_TREE'] ?? repository,
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', ...where },
  });
  if (error) throw new PreviewError(`git does not run: ${error.message}`);
  return result;
}

function gitDir(repository: string): string {
  return must(git({ repository, remote: '' }, ['rev-parse', '--absolute-git-dir'])).stdout.trim();
}

function must(result: GitResult): GitResult {
  if (result.status !== 0) throw new PreviewError(`git failed: ${result.stderr.trim()}`);
  return result;
}
