import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Ended, ROOT, run, runStep } from './script.js';

/** A desk of a test's own: a folder, programs that are planted in it and found before all others, and what steps write. */
export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), 'desk-'));

  constructor() {
    mkdirSync(join(this.folder, 'bin'));
  }

  leave(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A program, by what it does in bash. */
  plant(name: string, script: string): void {
    writeFileSync(join(this.folder, 'bin', name), `#!/usr/bin/env bash\n${script}\n`);
    chmodSync(join(this.folder, 'bin', name), 0o755);
  }

  /** Files of the repository, in a folder of the desk. */
  copy(name: string, paths: readonly string[]): void {
    for (const path of paths) {
      mkdirSync(dirname(join(this.folder, name, path)), { recursive: true });
      copyFileSync(join(ROOT, path), join(this.folder, name, path));
    }
  }

  /** What a program or a step has written; nothing where it has not. */
  written(file: string): string {
    return existsSync(join(this.folder, file)) ? readFileSync(join(this.folder, file), 'utf8') : '';
  }

  /** Runs a step of scripts/ci with what is planted. */
  step(name: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return runStep(name, args, { env: { ...this.#env(), ...env } });
  }

  /** Runs a copy of a step. */
  copied(path: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
    return run(join(this.folder, path), args, { env: { ...this.#env(), ...env } });
  }

  #env(): NodeJS.ProcessEnv {
    return {
      PATH: `${join(this.folder, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`,
      GITHUB_OUTPUT: join(this.folder, 'output'),
      GITHUB_STEP_SUMMARY: join(this.folder, 'summary'),
    };
  }
}
