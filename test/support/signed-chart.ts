/** Charts in a registry, signed as far as one can without Sigstore's servers: by a key. */
import { execFile } from 'node:child_process';
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CHART } from './helm.js';

const run = promisify(execFile);

export class ChartPublisher {
  readonly #folder = mkdtempSync(join(tmpdir(), 'charts-'));

  /** @param registry without encryption, as `localhost:5000/…` */
  constructor(readonly registry: string) {}

  /** Pushes the chart, with `added` to one of its templates. @returns its digest */
  async push(added = ''): Promise<string> {
    const chart = mkdtempSync(join(this.#folder, 'chart-'));
    cpSync(CHART, join(chart, 'hello-world'), { recursive: true });
    appendFileSync(join(chart, 'hello-world/templates/service.yaml'), added);
    await run('helm', ['package', join(chart, 'hello-world'), '--destination', chart]);
    const packed = readdirSync(chart).find((file) => file.endsWith('.tgz')) ?? '';
    const { stdout, stderr } = await run('helm', [
      'push',
      join(chart, packed),
      `oci://${this.registry}`,
      '--plain-http',
    ]);
    const digest = /Digest: (sha256:[0-9a-f]{64})/.exec(stdout + stderr)?.[1];
    if (digest === undefined) throw new Error(`helm push told no digest: ${stdout}${stderr}`);
    return digest;
  }

  /** Makes a pair of keys. @returns the public one */
  async makeKey(name: string): Promise<string> {
    await this.#cosign('generate-key-pair', '--output-key-prefix', join(this.#folder, name));
    return readFileSync(join(this.#folder, `${name}.pub`), 'utf8');
  }

  /** Signs a chart of that digest, with a key of `makeKey`. */
  async sign(digest: string, key: string): Promise<void> {
    const config = join(this.#folder, 'signing-config.json');
    await this.#cosign('signing-config', 'create', '--out', config);
    const where = ['--allow-http-registry', `${this.registry}/hello-world@${digest}`];
    await this.#cosign(
      'sign',
      '--yes',
      '--signing-config',
      config,
      '--key',
      join(this.#folder, `${key}.key`),
      ...where,
    );
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #cosign(...args: readonly string[]): Promise<void> {
    await run('cosign', args, { env: { ...process.env, COSIGN_PASSWORD: 'of no use elsewhere' } });
  }
}
