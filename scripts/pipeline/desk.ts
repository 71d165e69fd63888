import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Step } from './steps.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const ANSWER_WITHIN_MS = 5000;

/** What this desk has in place of what a runner is given: a registry, a key, repositories for GitOps. */
export class Desk {
  readonly registry: string;
  /** Of its own for each run: tags of releases never move. */
  readonly repository: string;
  readonly commit = git('rev-parse', 'HEAD');
  readonly #folder = mkdtempSync(join(tmpdir(), 'pipeline-'));
  readonly #registryAnswers: boolean;

  private constructor(registry: string, registryAnswers: boolean) {
    this.registry = registry;
    this.repository = `${registry}/desk-${Date.now().toString(36)}/hello-world`;
    this.#registryAnswers = registryAnswers;
  }

  static async open(registry: string): Promise<Desk> {
    const local = /^(localhost|127\.0\.0\.1)(:\d+)?$/.test(registry);
    const url = `${local ? 'http' : 'https'}://${registry}/v2/`;
    const answers = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) }).then(
      ({ ok }) => ok,
      () => false,
    );
    return new Desk(registry, answers);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Why a step cannot be tried here; `undefined` when it can. */
  whyNot({ wants }: Step): string | undefined {
    if (wants === undefined) return undefined;
    if (wants === 'registry') {
      return this.#registryAnswers
        ? undefined
        : `no registry answers at ${this.registry} (REGISTRY; docker run --publish 127.0.0.1:5000:5000 registry:3)`;
    }
    if (wants === 'cosign') return runs('cosign', 'version') ? undefined : 'there is no cosign on the PATH';
    const context = process.env['TEST_CLUSTER_CONTEXT'];
    const kind = runs('kind', 'version');
    if (wants === 'cluster')
      return context || kind ? undefined : 'there is no kind, and TEST_CLUSTER_CONTEXT names no cluster';
    if (context) return `TEST_CLUSTER_CONTEXT names one, ${context}`;
    return kind ? undefined : 'there is no kind on the PATH';
  }

  /** A key for main and for releases, where a runner has the identity of its workflow. */
  key(): NodeJS.ProcessEnv {
    const COSIGN_PASSWORD = crypto.randomUUID();
    const made = spawnSync('cosign', ['generate-key-pair'], {
      cwd: this.#folder,
      env: { ...process.env, COSIGN_PASSWORD },
    });
    if (made.status !== 0) return {};
    return {
      COSIGN_PASSWORD,
      COSIGN_KEY: join(this.#folder, 'cosign.key'),
      COSIGN_PUBLIC_KEY: join(this.#folder, 'cosign.pub'),
    };
  }

  /**
   * Where pull requests of GitOps go: a copy of this repository as it is committed, and an empty one for the platform's.
   *
   * @param kept stays after the run, to be looked at
   */
  remotes(kept: string): { REMOTE_A: string; REMOTE_B: string } {
    const [a, b] = [join(kept, 'gitops-a.git'), join(kept, 'gitops-b.git')];
    for (const place of [a, b]) rmSync(place, { recursive: true, force: true });
    mkdirSync(kept, { recursive: true });
    git('init', '--quiet', '--bare', '--initial-branch=main', a);
    git('push', '--quiet', a, 'HEAD:refs/heads/main');
    git('init', '--quiet', '--bare', '--initial-branch=main', b);
    const tree = git('-C', b, 'hash-object', '-t', 'tree', '-w', '/dev/null');
    const identity = ['-c', 'user.name=desk', '-c', 'user.email=desk@hello-world.invalid'];
    git('-C', b, 'update-ref', 'refs/heads/main', git(...identity, '-C', b, 'commit-tree', tree, '-m', 'start'));
    return { REMOTE_A: a, REMOTE_B: b };
  }

  /** A file that takes the outputs of a step, as a workflow's does. */
  outputsFile(): string {
    const file = join(this.#folder, 'outputs');
    writeFileSync(file, '');
    return file;
  }
}

/** The digest of what was built; `''` where nothing is yet. */
export function builtDigest(): string {
  const file = resolve(ROOT, 'out/image.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { digest: string }).digest : '';
}

export function outputsIn(file: string): Readonly<Record<string, string>> {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

function runs(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

function git(...args: readonly string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
