import { spawnSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Module, Post, Req, UseInterceptors } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Gauge } from 'prom-client';
import { FlagsService } from '#libs/flags';
import { MetricsModule, RequestMetricsInterceptor } from '#libs/metrics';
import { startTestApp, type TestApp } from './support/app.js';
import { eventually } from './support/eventually.js';
import { type Family, parseExposition, type Sample } from './support/exposition.js';
import { sendPipelined } from './support/pipelined.js';
import { whyNoTool } from './support/tools.js';
import { itUnless } from './support/unless.js';

const OPENMETRICS = 'application/openmetrics-text;version=1.0.0';
/** What Prometheus 2.42 sends. */
const PROMETHEUS_ACCEPT = `${OPENMETRICS},application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`;
const SAMPLED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const UNSAMPLED = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00';

/** Emits `called` when the slow handler runs; it answers once its client is gone. */
const slowHandler = new EventEmitter();

@Controller('measured')
class MeasuredController {
  @Get('items/:id')
  item(): string {
    return 'an item';
  }

  @Post('items')
  @HttpCode(201)
  create(@Body() body: unknown): string {
    return `took ${typeof body}`;
  }

  @Get('failing')
  fail(): never {
    throw new Error('a defect');
  }

  @Get('slow')
  async slow(@Req() request: FastifyRequest): Promise<string> {
    slowHandler.emit('called');
    await once(request.raw.socket, 'close');
    return 'too late';
  }

  @Get('own-series')
  @UseInterceptors(RequestMetricsInterceptor)
  ownSeries(): string {
    return 'counted twice';
  }
}

@Module({ imports: [MetricsModule], controllers: [MeasuredController] })
class MeasuredModule {}

describe('GET /metrics', () => {
  let service: TestApp;

  async function start(environment: NodeJS.ProcessEnv = {}): Promise<void> {
    service = await startTestApp({ ENABLE_METRICS: 'true', ...environment }, [MeasuredModule]);
  }

  afterEach(async () => {
    await service.close();
  });

  function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${service.url}${path}`, { headers });
  }

  async function scrape(format: 'classic' | 'openmetrics' = 'classic'): Promise<Map<string, Family>> {
    const response = await get('/metrics', format === 'classic' ? {} : { accept: PROMETHEUS_ACCEPT });
    expect(response.status).toBe(200);
    return parseExposition(await response.text(), format);
  }

  /** `http_requests_total` by `handler method status`. */
  async function requests(): Promise<Record<string, number>> {
    const { samples } = (await scrape()).get('http_requests_total') ?? { samples: [] };
    return Object.fromEntries(samples.map(({ labels, value }) => [Object.values(labels).join(' '), value]));
  }

  describe('contract', () => {
    it('has these metrics with these labels, and no other of our own', async () => {
      await start({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' });
      await get('/');
      await get('/measured/own-series');
      await get('/readyz');

      const families = [...(await scrape()).values()].map(describeFamily);

      expect(families.filter((line) => !/^(nodejs|process)_/.test(line)).sort()).toEqual([
        'build_info{version,revision,node} gauge',
        'db_pool_connections_max gauge',
        'db_pool_connections{state} gauge',
        'feature_flag_changes_total{flag,action} counter',
        'feature_flag_enabled{flag} gauge',
        'feature_flag_provider_state{state} gauge',
        'handler_duration_seconds{handler} histogram',
        'handler_requests_total{handler,outcome} counter',
        'http_request_duration_seconds{handler,method} histogram',
        'http_requests_total{handler,method,status} counter',
        'log_lines_dropped_total counter',
        'otel_spans_dropped_total{reason} counter',
        'promhttp_metric_handler_errors_total{cause} counter',
        'readiness_check{check} gauge',
      ]);
      expect(families).toEqual(
        expect.arrayContaining([
          'nodejs_eventloop_lag_p99_seconds gauge',
          'nodejs_heap_size_used_bytes gauge',
          'process_cpu_seconds_total counter',
          'process_resident_memory_bytes gauge',
          'process_start_time_seconds gauge',
        ]),
      );
    });

    it('has these values in its labels', async () => {
      await start({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' });
      await get('/readyz');

      const families = await scrape();

      const values = (name: string, label: string): Set<string | undefined> =>
        new Set(families.get(name)?.samples.map(({ labels }) => labels[label]));
      expect(values('feature_flag_enabled', 'flag')).toEqual(new Set(['metrics_enabled', 'tracing_enabled']));
      expect(values('feature_flag_changes_total', 'action')).toEqual(new Set(['override', 'reset', 'flagd']));
      expect(values('readiness_check', 'check')).toEqual(new Set(['database', 'migrations', 'drain']));
      expect(values('db_pool_connections', 'state')).toEqual(new Set(['idle', 'busy', 'waiting']));
      expect(values('promhttp_metric_handler_errors_total', 'cause')).toEqual(new Set(['gathering', 'encoding']));
      expect(values('otel_spans_dropped_total', 'reason')).toContain('queue_full');
    });

    it('says nothing of a database where none is configured', async () => {
      await start();
      await get('/readyz');

      const families = await scrape();

      expect([...families.keys()].filter((name) => name.startsWith('db_'))).toEqual([]);
      expect(families.get('readiness_check')?.samples.map(({ labels }) => labels['check'])).toEqual(['drain']);
    });

    it('shows a request as the documentation spells it, with a bucket at half a second', async () => {
      await start();
      await get('/');

      const text = await (await get('/metrics')).text();

      expect(text).toContain('\nhttp_requests_total{handler="/",method="GET",status="200"} 1\n');
      expect(text).toContain('\nhttp_request_duration_seconds_bucket{le="0.5",handler="/",method="GET"} 1\n');
      expect(text).toContain('\nhttp_request_duration_seconds_count{handler="/",method="GET"} 1\n');
    });

    it('shows flags as they are, and counts their changes', async () => {
      await start();
      const flags = service.app.get(FlagsService);
      flags.setOverrides({ tracing: true });
      flags.resetOverrides();
      flags.setOverrides({ tracing: true });

      const families = await scrape();

      const samples = (name: string): [string, number][] =>
        (families.get(name)?.samples ?? []).map(({ labels, value }) => [Object.values(labels).join(' '), value]);
      expect(samples('feature_flag_enabled')).toEqual([
        ['metrics_enabled', 1],
        ['tracing_enabled', 1],
      ]);
      expect(samples('feature_flag_changes_total').filter(([, value]) => value > 0)).toEqual([
        ['tracing_enabled override', 2],
        ['tracing_enabled reset', 1],
      ]);
      expect(samples('feature_flag_provider_state').filter(([, value]) => value > 0)).toEqual([['not_configured', 1]]);
      expect(samples('feature_flag_provider_state')).toHaveLength(6);
    });

    it('starts every application from 0', async () => {
      await start();
      await get('/');
      await service.close();
      await start();

      expect(await requests()).toEqual({});
    });
  });

  describe('formats', () => {
    it('are chosen by Accept', async () => {
      await start();

      const plain = await get('/metrics');
      const openMetrics = await get('/metrics', { accept: PROMETHEUS_ACCEPT });

      expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(openMetrics.headers.get('content-type')).toBe(
        'application/openmetrics-text; version=1.0.0; charset=utf-8',
      );
      expect(plain.headers.get('vary')).toBe('Accept');
    });

    it('keep their names when scrapes of both follow each other', async () => {
      await start();
      await get('/');
      const classicNames = [...(await scrape()).keys()];
      const openMetricsNames = [...(await scrape('openmetrics')).keys()];

      // A family may come in between, with the first collection of garbage; none may go or change its name.
      expect([...(await scrape()).keys()]).toEqual(expect.arrayContaining(classicNames));
      expect([...(await scrape('openmetrics')).keys()]).toEqual(expect.arrayContaining(openMetricsNames));
      expect(classicNames).toContain('http_requests_total');
      expect(openMetricsNames).toContain('http_requests');
    });

    it('carry an exemplar only in OpenMetrics, and only of a sampled trace', async () => {
      await start({ ENABLE_TRACING: 'true' });
      await get('/', { traceparent: SAMPLED });
      await get('/measured/items/7', { traceparent: UNSAMPLED });

      await scrape('classic');
      const families = await scrape('openmetrics');

      const withExemplar = [...families.values()]
        .flatMap(({ samples }) => samples)
        .filter(({ exemplar }) => exemplar !== undefined);
      expect(withExemplar.map(({ name, labels }) => `${name} ${labels['handler']}`)).toEqual([
        'http_requests_total /',
        'http_request_duration_seconds_bucket /',
      ]);
      expect(withExemplar[0]?.exemplar).toEqual({
        trace_id: '0af7651916cd43dd8448eb211c80319c',
        span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
      });
    });

    it('carry no exemplar while tracing is off', async () => {
      await start();
      await get('/', { traceparent: SAMPLED });

      expect(await (await get('/metrics', { accept: OPENMETRICS })).text()).not.toContain(' # {');
    });

    itUnless(whyNoTool('promtool'))('pass promtool check metrics', async () => {
      await start({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nothing' });
      await get('/measured/own-series');
      await get('/readyz');
      const input = await (await get('/metrics')).text();

      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });

      expect(stdout + stderr).toBe('');
      expect(status).toBe(0);
    });
  });

  describe('labels of a request', () => {
    beforeEach(async () => {
      await start();
    });

    const json = { 'content-type': 'application/json' };

    it.each<[string, string, RequestInit, string]>([
      ['a route with a parameter', '/measured/items/42?q=1', {}, '/measured/items/:id GET 200'],
      ['HEAD', '/', { method: 'HEAD' }, '/ HEAD 200'],
      [
        'a status of its own',
        '/measured/items',
        { method: 'POST', body: '{}', headers: json },
        '/measured/items POST 201',
      ],
      ['a handler that throws', '/measured/failing', {}, '/measured/failing GET 500'],
      [
        'a body that is broken',
        '/measured/items',
        { method: 'POST', body: '{', headers: json },
        '/measured/items POST 400',
      ],
      ['an unknown path', '/secret/wp-login.php', {}, 'unmatched GET 404'],
      ['a known path with another method', '/', { method: 'DELETE' }, 'unmatched DELETE 405'],
      ['a path that cannot be read', '/%E0%A4%A', {}, 'unmatched GET 400'],
      ['an unknown method', '/', { method: 'PROPFIND' }, 'unmatched OTHER 405'],
    ])('name %s', async (_circumstance, path, init, expected) => {
      await fetch(`${service.url}${path}`, init);

      expect(await requests()).toEqual({ [expected]: 1 });
    });

    it('name a client that goes away before its answer', async () => {
      const called = once(slowHandler, 'called');
      const abort = new AbortController();
      const answer = fetch(`${service.url}/measured/slow`, { signal: abort.signal });
      await called;
      abort.abort();
      await expect(answer).rejects.toThrow();

      await eventually('the aborted request is counted', async () => Object.keys(await requests()).length > 0);

      expect(await requests()).toEqual({ '/measured/slow GET 499': 1 });
    });

    it('leave out probes and scrapes', async () => {
      for (const path of ['/livez', '/readyz', '/metrics']) await get(path);

      expect(await requests()).toEqual({});
    });
  });

  it('gets no new series from 100 000 distinct paths and odd methods', async () => {
    await start({ LOG_LEVEL: 'silent' });
    const methods = ['GET', 'POST', 'PROPFIND', 'MKCOL', 'REPORT'];
    const lines = Array.from(
      { length: 100_000 },
      (_, index) => `${methods[index % methods.length]} /p${index}?q=${index}`,
    );

    await sendPipelined(service.url, lines, 'HTTP/1.1 404 ');

    expect(await requests()).toEqual({
      'unmatched GET 404': 20_000,
      'unmatched POST 404': 20_000,
      'unmatched OTHER 404': 60_000,
    });
  }, 120_000);

  it('is 404 while the flag is off, and nothing is recorded meanwhile', async () => {
    await start();
    const flags = service.app.get(FlagsService);
    await get('/');
    flags.setOverrides({ metrics: false });

    const disabled = await get('/metrics');
    await get('/');
    await get('/measured/own-series');
    await get('/unknown');
    flags.setOverrides({ metrics: true });

    expect(disabled.status).toBe(404);
    expect(disabled.headers.get('content-type')).toMatch(/^text\/plain\b/);
    expect(await disabled.text()).toBe('metrics disabled');
    expect(await requests()).toEqual({ '/ GET 200': 1 });
    expect((await scrape()).has('handler_requests_total')).toBe(false);
  });

  it('serves the rest when a collector fails, counts it and says so', async () => {
    await start();
    const broken = new Gauge({ name: 'broken', help: 'fails', collect: () => Promise.reject(new Error('no idea')) });
    broken.set(1);

    const families = await scrape();

    const errors = families.get('promhttp_metric_handler_errors_total')?.samples;
    expect(errors?.find(({ labels }) => labels['cause'] === 'gathering')?.value).toBe(1);
    expect(families.has('process_cpu_seconds_total')).toBe(true);
    expect(families.has('broken')).toBe(false);
    const line = await service.log.waitFor(({ msg }) => msg.includes('broken (gathering: no idea)'));
    expect(line.level).toBe('warn');
  });

  it('has series of its own for a handler that asks for them', async () => {
    await start();
    await get('/measured/own-series');

    const families = await scrape();

    expect(families.get('handler_requests_total')?.samples).toEqual([
      expect.objectContaining({
        labels: { handler: 'MeasuredController.ownSeries', outcome: 'success' },
        value: 1,
      } satisfies Partial<Sample>),
    ]);
    expect(await requests()).toEqual({ '/measured/own-series GET 200': 1 });
  });
});

/** A family by its name, its labels in their order, and its type. */
function describeFamily({ name, type, samples }: Family): string {
  const labels = Object.keys(samples[0]?.labels ?? {}).filter((label) => label !== 'le');
  return `${name}${labels.length > 0 ? `{${labels.join(',')}}` : ''} ${type}`;
}
