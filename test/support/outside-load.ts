import { join } from 'node:path';
import type { LoadOptions, LoadReport } from './cluster-load.js';
import { startProcess, type TestProcess } from './process.js';

const SCRIPT = join(import.meta.dirname, '../cluster/load/load.mjs');

export interface OutsideLoadOptions extends Pick<LoadOptions, 'name' | 'url' | 'rate'> {
  /** `address:port` to connect to in place of the URL's. */
  readonly connectTo: string;
  /** File of the CA that is trusted as well. */
  readonly caFile?: string;
}

/** The same requests as those of `Load`, from outside of the cluster: through its gateway, over TLS. */
export class OutsideLoad {
  private constructor(private readonly process: TestProcess) {}

  static async start({
    name = 'outside',
    url,
    rate = 20,
    connectTo,
    caFile,
  }: OutsideLoadOptions): Promise<OutsideLoad> {
    const env = { URL: url, RATE: String(rate), RUN: name, CONNECT_TO: connectTo };
    const load = startProcess(process.execPath, [SCRIPT], {
      env: caFile === undefined ? env : { ...env, NODE_EXTRA_CA_CERTS: caFile },
    });
    await load.output(/^started$/m);
    return new OutsideLoad(load);
  }

  /** Ends it in order. @returns what it has seen */
  async stop(): Promise<LoadReport> {
    this.process.kill('SIGTERM');
    await this.process.exit;
    return JSON.parse(this.process.stdout().trim().split('\n').at(-1) ?? '') as LoadReport;
  }
}
