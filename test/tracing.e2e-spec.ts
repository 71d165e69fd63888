import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FlagsService } from '#libs/flags';
import { TracingService } from '#libs/telemetry';
import { TracedModule } from './support/traced.module.js';
import { CALLER_SPAN_ID, EAGER_EXPORT, SAMPLED, TRACE_ID, TracedService, UNSAMPLED } from './support/traced-service.js';

const BAGGAGE = 'tenant=blue,user=7';

let service: TracedService;

beforeAll(async () => {
  service = await TracedService.create([TracedModule]);
});

afterAll(() => service.end());

describe('a traced request', () => {
  beforeAll(async () => {
    await service.start({}, { ...EAGER_EXPORT, OTEL_RESOURCE_ATTRIBUTES: 'k8s.namespace.name=apps' });
  });

  afterAll(() => service.close());

  it('arrives as one server span by the semantic conventions, without its query', async () => {
    const span = await service.spanOf(() => service.get('/traced/orders/7?token=secret', { 'user-agent': 'curl/8' }));

    expect(span).toMatchObject({ name: 'GET /traced/orders/:id', kind: 'SERVER', parentSpanId: '' });
    expect(span.status).toEqual({ code: 'UNSET', message: '' });
    expect(span.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/traced/orders/:id',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'url.path': '/traced/orders/7',
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(service.test.url).port),
      'client.address': '127.0.0.1',
      'network.protocol.version': '1.1',
      'user_agent.original': 'curl/8',
    });
    expect(JSON.stringify(span)).not.toContain('secret');
  });

  it('says where it comes from', async () => {
    const span = await service.spanOf(() => service.get('/'));

    expect(span.resource).toMatchObject({
      'service.name': 'hello-world',
      'service.version': expect.any(String),
      'service.instance.id': expect.any(String),
      'deployment.environment.name': 'local',
      'telemetry.sdk.language': 'nodejs',
      'k8s.namespace.name': 'apps',
    });
    expect(service.receiver.exports.at(-1)).toMatchObject({
      path: '/v1/traces',
      headers: { 'content-type': 'application/x-protobuf' },
    });
  });

  it.each([
    ['an unknown path', 'GET', '/nowhere', 404, 'GET', 'UNSET'],
    ['a known path with another method', 'DELETE', '/', 405, 'DELETE', 'UNSET'],
    ['an unreadable body', 'POST', '/traced/orders', 400, 'POST /traced/orders', 'UNSET'],
    ['an error of ours', 'GET', '/traced/failing', 500, 'GET /traced/failing', 'ERROR'],
  ])('given %s, has the status, and is an error only as a 5xx', async (_case, method, path, status, name, code) => {
    const body = method === 'POST' ? { headers: { 'content-type': 'application/json' }, body: '{"broken' } : {};

    const span = await service.spanOf(() => fetch(`${service.test.url}${path}`, { method, ...body }));

    expect(span.name).toBe(name);
    expect(span.attributes['http.response.status_code']).toBe(status);
    expect(span.attributes['error.type']).toBe(status >= 500 ? String(status) : undefined);
    expect(span.status.code).toBe(code);
    expect('http.route' in span.attributes).toBe(name.includes(' '));
  });

  it('given a method of some extension, names it only in its own attribute', async () => {
    const span = await service.spanOf(async () => {
      const request = httpRequest(service.test.url, { method: 'PROPFIND' }).end();
      const [response] = await once(request, 'response');
      response.resume();
    });

    expect(span.name).toBe('HTTP');
    expect(span.attributes).toMatchObject({
      'http.request.method': '_OTHER',
      'http.request.method_original': 'PROPFIND',
    });
  });

  it('given a client that goes away, ends with the connection', async () => {
    const span = await service.spanOf(async () => {
      const abort = new AbortController();
      const answer = fetch(`${service.test.url}/traced/never`, { signal: abort.signal });
      await service.test.log.waitFor((line) => line.msg === 'waiting for the client to go away');
      abort.abort();
      await expect(answer).rejects.toThrow();
    });

    expect(span.name).toBe('GET /traced/never');
    expect(span.attributes['error.type']).toBe('connection_lost');
    expect(span.attributes).not.toHaveProperty('http.response.status_code');
  });

  it('given a caller, is its child and keeps its tracestate', async () => {
    const span = await service.spanOf(() => service.get('/', { traceparent: SAMPLED, tracestate: 'vendor=1' }));

    expect(span).toMatchObject({ traceId: TRACE_ID, parentSpanId: CALLER_SPAN_ID, traceState: 'vendor=1' });
  });

  it('given a caller that is not sampled, is logged with its ids and not exported', async () => {
    const next = await service.spanOf(async () => {
      await service.get('/', { traceparent: UNSAMPLED, 'x-request-id': 'unsampled' });
      await service.get('/traced/orders/8');
    });

    expect(next.attributes['url.path']).toBe('/traced/orders/8');
    expect(await service.accessLine('unsampled')).toMatchObject({
      trace_id: TRACE_ID,
      span_id: expect.stringMatching(/^[\da-f]{16}$/),
    });
  });

  it.each([
    ['malformed', 'hello', 'a=b'],
    ['all zeros', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`, 'a=b'],
    ['oversized', `00-${'a'.repeat(4_000)}-${CALLER_SPAN_ID}-01`, 'k=v,'.repeat(1_000)],
  ])('given headers that are %s, begins a trace of its own', async (_fault, traceparent, baggage) => {
    let status: number | undefined;

    const span = await service.spanOf(async () => {
      ({ status } = await service.get('/', { traceparent, tracestate: '=,=', baggage }));
    });

    expect(status).toBe(200);
    expect(span.parentSpanId).toBe('');
    expect(span.traceId).toMatch(/^(?!0+$)[\da-f]{32}$/);
  });

  it('has its ids on every line logged inside it', async () => {
    const span = await service.spanOf(() => service.get('/traced/logging', { 'x-request-id': 'with-lines' }));

    const lines = service.test.lines().filter((line) => line['request_id'] === 'with-lines');
    expect(lines.map((line) => line.msg)).toEqual(['looking around', 'request']);
    for (const line of lines) expect(line).toMatchObject({ trace_id: span.traceId, span_id: span.spanId });
  });

  it('among many at once, keeps to its own trace', async () => {
    const before = service.receiver.spans.length;
    const ids = Array.from({ length: 50 }, (_, index) => `many-${index}`);

    await Promise.all(ids.map((id) => service.get('/traced/logging', { 'x-request-id': id })));
    const spans = (await service.receiver.waitForSpans(before + ids.length)).slice(before);

    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(ids.length);
    for (const id of ids) {
      const lines = service.test.lines().filter((line) => line['request_id'] === id);
      expect(lines).toHaveLength(2);
      expect(lines[0]!['trace_id']).toBe(lines[1]!['trace_id']);
    }
  });
});

describe('an outbound request', () => {
  let upstream: Server;
  let upstreamUrl: string;
  let received: IncomingHttpHeaders;

  beforeAll(async () => {
    upstream = createServer((request, response) => {
      received = request.headers;
      response.end();
    });
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  });

  afterEach(() => service.close());

  afterAll(() => void upstream.close());

  const relay = (headers: Record<string, string> = {}) => service.get(`/traced/relay?to=${upstreamUrl}`, headers);

  it('with tracing on, continues the span of this service and carries the baggage', async () => {
    await service.start();

    const span = await service.spanOf(() => relay({ traceparent: SAMPLED, tracestate: 'vendor=1', baggage: BAGGAGE }));

    expect(received).toMatchObject({
      traceparent: `00-${TRACE_ID}-${span.spanId}-01`,
      tracestate: 'vendor=1',
      baggage: BAGGAGE,
    });
  });

  it('with tracing on and a caller that is not sampled, says so', async () => {
    await service.start();

    await relay({ traceparent: UNSAMPLED });

    expect(received['traceparent']).toMatch(new RegExp(`^00-${TRACE_ID}-[\\da-f]{16}-00$`));
  });

  it('with tracing off, carries the caller’s context as it came; the log has its trace id', async () => {
    await service.start({ ENABLE_TRACING: 'false' });

    await relay({ traceparent: SAMPLED, tracestate: 'vendor=1', baggage: BAGGAGE, 'x-request-id': 'relayed' });

    expect(received).toMatchObject({ traceparent: SAMPLED, tracestate: 'vendor=1', baggage: BAGGAGE });
    const line = await service.accessLine('relayed');
    expect(line['trace_id']).toBe(TRACE_ID);
    expect(line).not.toHaveProperty('span_id');
  });

  it('with tracing off and no caller, carries nothing', async () => {
    await service.start({ ENABLE_TRACING: 'false' });

    await relay({ 'x-request-id': 'alone' });

    expect(received).not.toHaveProperty('traceparent');
    expect(received).not.toHaveProperty('baggage');
    expect(await service.accessLine('alone')).not.toHaveProperty('trace_id');
  });
});

describe('the tracing flag', () => {
  afterEach(() => service.close());

  it('turned on at run time, gives the very next request a span; turned off, none', async () => {
    await service.start({ ENABLE_TRACING: 'false' });
    await service.get('/traced/orders/1');
    service.test.app.get(FlagsService).setOverrides({ tracing: true });

    const span = await service.spanOf(() => service.get('/traced/orders/2'));
    service.test.app.get(FlagsService).setOverrides({ tracing: false });
    await service.get('/traced/orders/3', { traceparent: SAMPLED });
    await service.test.app.get(TracingService).flush();

    const paths = service.receiver.spans.filter(({ traceId }) => traceId === span.traceId || traceId === TRACE_ID);
    expect(span.attributes['url.path']).toBe('/traced/orders/2');
    expect(paths.map(({ attributes }) => attributes['url.path'])).not.toContain('/traced/orders/3');
  });

  it('on without an endpoint, gives ids to the log, exports nothing and warns once', async () => {
    await service.start({ OTEL_EXPORTER_OTLP_ENDPOINT: '' });

    await service.get('/', { 'x-request-id': 'first' });
    await service.get('/', { 'x-request-id': 'second' });

    expect(await service.accessLine('first')).toMatchObject({
      trace_id: expect.any(String),
      span_id: expect.any(String),
    });
    await service.accessLine('second');
    const warnings = service.test.lines().filter((line) => line.level === 'warn');
    expect(warnings.map((line) => line.msg)).toEqual([expect.stringContaining('OTEL_EXPORTER_OTLP_ENDPOINT')]);
    expect(warnings[0]).not.toHaveProperty('request_id');
  });

  it('on with OTEL_TRACES_EXPORTER=none, gives ids to the log, exports nothing and says so once', async () => {
    await service.start({}, { ...EAGER_EXPORT, OTEL_TRACES_EXPORTER: 'none' });
    const { attempts } = service.receiver;

    await service.get('/', { 'x-request-id': 'first' });
    await service.get('/', { 'x-request-id': 'second' });

    expect(await service.accessLine('second')).toMatchObject({ trace_id: expect.any(String) });
    await service.test.app.get(TracingService).flush();
    expect(service.receiver.attempts).toBe(attempts);
    const said = service.test.lines().filter(({ msg }) => msg.includes('OTEL_TRACES_EXPORTER'));
    expect(said).toMatchObject([{ level: 'info', msg: expect.stringContaining('no span is exported') }]);
    expect(service.warnings()).toEqual([]);
  });

  it('on with OTEL_SDK_DISABLED=true, makes no span, passes the caller’s context on and says so once', async () => {
    await service.start({}, { ...EAGER_EXPORT, OTEL_SDK_DISABLED: 'true' });
    const { attempts } = service.receiver;

    await service.get('/', { 'x-request-id': 'first', traceparent: SAMPLED });
    await service.get('/', { 'x-request-id': 'second' });

    const first = await service.accessLine('first');
    expect(first['trace_id']).toBe(TRACE_ID);
    expect(first).not.toHaveProperty('span_id');
    expect(await service.accessLine('second')).not.toHaveProperty('trace_id');
    await service.test.app.get(TracingService).flush();
    expect(service.receiver.attempts).toBe(attempts);
    expect(service.test.lines().filter(({ msg }) => msg.includes('OTEL_SDK_DISABLED'))).toMatchObject([
      { level: 'info' },
    ]);
    expect(service.warnings()).toEqual([]);
  });

  it('on with an endpoint of the traces that is none, exports nothing: not to another receiver either', async () => {
    await service.start({}, { ...EAGER_EXPORT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'collector:s3cret' });
    const { attempts } = service.receiver;

    await service.get('/');
    await service.test.app.get(TracingService).flush();

    expect(service.receiver.attempts).toBe(attempts);
    expect(service.warnings().map(({ msg }) => msg)).toEqual([
      expect.stringContaining('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'),
    ]);
    expect(JSON.stringify(service.test.lines())).not.toContain('s3cret');
  });

  it('on with bad values for OpenTelemetry, exports by the defaults and warns once of each key, without its value', async () => {
    const bad = {
      OTEL_BSP_MAX_QUEUE_SIZE: '-70707',
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 'Infinity',
      OTEL_BSP_EXPORT_TIMEOUT: '99999999999',
      OTEL_EXPORTER_OTLP_TIMEOUT: '-70707',
      OTEL_EXPORTER_OTLP_COMPRESSION: 's3cret',
      OTEL_RESOURCE_ATTRIBUTES: 's3cret',
      OTEL_SDK_DISABLED: 's3cret',
      OTEL_TRACES_EXPORTER: 's3cret',
      OTEL_TRACES_SAMPLER: 's3cret',
    };
    await service.start({}, { OTEL_BSP_SCHEDULE_DELAY: '10', ...bad });

    await service.spanOf(() => service.get('/'));
    await service.get('/');

    expect(
      service
        .warnings()
        .map(({ msg }) => msg)
        .toSorted(),
    ).toEqual(
      Object.keys(bad)
        .toSorted()
        .map((key) => `OpenTelemetry: ${key} has a value that cannot be used: it counts as not set`),
    );
  });

  it('off, starts nothing and warns of nothing', async () => {
    await service.start({ ENABLE_TRACING: 'false', OTEL_EXPORTER_OTLP_ENDPOINT: '' });

    await service.get('/', { 'x-request-id': 'untraced' });
    await service.accessLine('untraced');

    expect(service.test.lines().filter((line) => line.level === 'warn')).toEqual([]);
  });
});
