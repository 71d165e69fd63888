import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { builtAt, refreshBuildInfo, writeBuildInfo } from './build-info.ts';
import { run } from './run.ts';
import { lastChange } from './sources.ts';
import { StartError } from './start-error.ts';

/**
 * Builds where the build is missing, unfinished, or older than a source.
 *
 * @param onBuild called before it builds, which takes a moment
 * @throws StartError as {@link build}
 */
export async function ensureBuild(root: string, signal: AbortSignal, onBuild: () => void): Promise<void> {
  if ((builtAt(root) ?? 0) >= lastChange(root)) {
    refreshBuildInfo(root);
    return;
  }
  onBuild();
  await build(root, signal);
}

/**
 * Does what `npm run build` does.
 *
 * @throws StartError with the compiler's words
 */
export async function build(root: string, signal: AbortSignal): Promise<void> {
  const nest = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  if (!existsSync(nest)) throw new StartError('The packages are not installed: run "npm ci" first.');
  // A source that is changed meanwhile may have been read before: the next look must find it newer.
  const startedAt = new Date();
  for (const step of [[nest, 'build'], ['scripts/bundle.ts']]) {
    const { code, output } = await run(process.execPath, step, { cwd: root, env: process.env, signal });
    if (code !== 0) throw new StartError('The build failed, as told above.', { cause: output.trim() });
  }
  writeBuildInfo(root, startedAt);
}
