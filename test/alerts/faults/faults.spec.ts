import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type TestPostgres } from '../../support/embedded-postgres.js';
import { eventually } from '../../support/eventually.js';
import { endProcesses } from '../../support/process.js';
import { startServiceProcess } from '../../support/service-process.js';

/** The faults on the built service, without a container: what they do shows where the alerts will look. */
describe('faults', () => {
  let postgres: TestPostgres;
  let folder: string;
  let url: string;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hello-world-faults-'));
    const service = startServiceProcess({
      NODE_OPTIONS: `--import=${join(import.meta.dirname, 'faults.mjs')}`,
      FAULTS_FILE: join(folder, 'faults.json'),
      ENABLE_METRICS: 'true',
      DATABASE_URL: postgres.url,
      DATABASE_POOL_MAX: '2',
    });
    url = await service.url();
    await service.line('connected to the database');
  });

  afterEach(async () => {
    await endProcesses();
    rmSync(folder, { recursive: true, force: true });
  });

  afterAll(async () => {
    await postgres.remove();
  });

  function inject(faults: object): void {
    writeFileSync(join(folder, 'new.json'), JSON.stringify(faults));
    renameSync(join(folder, 'new.json'), join(folder, 'faults.json'));
  }

  /** The value of one series of the service; 0 where there is none. */
  async function value(series: string): Promise<number> {
    const lines = (await (await fetch(`${url}/metrics`)).text()).split('\n');
    return Number(lines.find((line) => line.startsWith(`${series} `))?.slice(series.length) ?? 0);
  }

  it('none: the service is as it is', async () => {
    const response = await fetch(url);

    expect(await response.text()).toBe('hello world');
    expect(await value('promhttp_metric_handler_errors_total{cause="gathering"}')).toBe(0);
  });

  it('a slow handler: its time is in the histogram; healed, it is quick again', async () => {
    const seconds = () => value('http_request_duration_seconds_sum{handler="/",method="GET"}');
    const oneTakes = async (): Promise<number> => {
      const before = await seconds();
      await fetch(url);
      return (await seconds()) - before;
    };
    inject({ slowMs: 600 });
    await eventually('an answer takes longer', async () => (await oneTakes()) >= 0.6);

    inject({});

    await eventually('an answer does not', async () => (await oneTakes()) < 0.6);
  });

  it.each([500, 422])('a failing handler: so many of its answers are %d, and nothing else fails', async (status) => {
    inject({ failingStatus: status, failingShare: 0.5 });
    await eventually('an answer fails', async () => (await fetch(url)).status === status);

    const statuses = [];
    for (let call = 0; call < 10; call += 1) statuses.push((await fetch(url)).status);

    expect(statuses.filter((each) => each === status)).toHaveLength(5);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  it('a blocked event loop: its lag tells', async () => {
    inject({ blockMs: 200 });

    await eventually('the lag grows', async () => (await value('nodejs_eventloop_lag_p99_seconds')) > 0.1);
  });

  it('a scrape that fails: it is counted, and stops with the fault', async () => {
    const errors = () => value('promhttp_metric_handler_errors_total{cause="gathering"}');
    inject({ failingScrape: true });
    await eventually('errors are counted', async () => (await errors()) >= 2);

    inject({});

    await eventually('they are no longer', async () => (await errors()) === (await errors()));
  });

  it('a pool that is held: all its connections are busy and callers wait; healed, they are idle', async () => {
    inject({ holdPool: true });
    const waiting = () => value('db_pool_connections{state="waiting"}');
    await eventually('callers wait', async () => (await waiting()) > 0);

    expect(await value('db_pool_connections{state="busy"}')).toBe(2);

    inject({});
    await eventually('one is idle', async () => (await value('db_pool_connections{state="idle"}')) > 0);
  });
});
