import { parse } from 'yaml';
import { GitRemote } from './git-remote.js';
import { type Ended, runStep } from './script.js';

export const NON_PROD = 'deploy/flux/non-prod/release/hello-world-helmrelease.yaml';
export const PROD = 'deploy/flux/prod/release/hello-world-helmrelease.yaml';
export const PROD_CHART = 'deploy/flux/prod/release/chart.yaml';
/** Where the platform's repository has it. */
export const OPTION_B = 'apps/hello-world/non-prod/hello-world-helmrelease.yaml';

/** A digest of one character. */
export const digest = (character: string) => `sha256:${character.repeat(64)}`;

interface HelmRelease {
  readonly spec: { readonly values: { readonly image: Readonly<Record<string, string>> } };
}

/** A repository that Flux follows, and what proposes to it. */
export class ReleaseRemote extends GitRemote {
  setDigest(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return runStep('set-digest.ts', args, { env: { GITOPS_REMOTE: this.url, ...env } });
  }

  propose(environment: string, tag: string, of: string, ...more: readonly string[]): Promise<Ended> {
    return this.setDigest([environment, '--tag', tag, '--digest', digest(of), ...more]);
  }

  revert(of: string): Promise<Ended> {
    return runStep('revert.sh', ['non-prod', digest(of)], { env: { GITOPS_REMOTE: this.url } });
  }

  /** What a branch says that is to run. */
  image(branch: string, path: string): Readonly<Record<string, string>> {
    return (parse(this.read(branch, path)) as HelmRelease).spec.values.image;
  }
}
