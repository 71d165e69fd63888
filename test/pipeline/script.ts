import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '../..');

/** What a step takes from a workflow or a desk: a test says itself what of it there is. */
const TAKEN_BY_STEPS =
  /^(GITHUB_|ACTIONS_|RUNNER_|COSIGN_|CERTIFICATE_|AWS_|ECR_|GITOPS_|KUBE_CONFIG|SLACK_|SIGSTORE_|GH_TOKEN|REQUIRE_TOOLS|(OUT|TAG|DIGEST|IMAGE|REPOSITORY|REFERENCE|RELEASE|VERSION|COMMIT|CHART_DIGEST)$)/;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ScriptOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
}

/** Runs a program to its end, in the repository unless told otherwise, without what this test's own run has of a pipeline. */
export async function run(program: string, args: readonly string[], options: ScriptOptions = {}): Promise<Ended> {
  const inherited = Object.entries(process.env).filter(([key]) => !TAKEN_BY_STEPS.test(key) && key !== 'NODE_OPTIONS');
  const child = spawn(program, args, {
    cwd: options.cwd ?? ROOT,
    env: { ...Object.fromEntries(inherited), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // One that ends before it has read all is judged by its code.
  child.stdin.on('error', () => undefined).end(options.input ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Runs a step of scripts/ci: a shell script as it is, one of TypeScript by Node. */
export async function runStep(step: string, args: readonly string[] = [], options: ScriptOptions = {}): Promise<Ended> {
  const file = resolve(ROOT, 'scripts/ci', step);
  return step.endsWith('.ts') ? run(process.execPath, [file, ...args], options) : run(file, args, options);
}
