import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import * as fc from 'fast-check';
import { hasTraceContext, injectTraceContext, remoteContext, w3cPropagator } from './trace-context.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN_ID = '00f067aa0ba902b7';
const VALID_TRACEPARENT = /^00-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-0[0-3]$/;

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(w3cPropagator);
});

afterAll(() => {
  context.disable();
  propagation.disable();
});

/** An id of `length` hex digits that are not all zero. */
const hex = (length: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[\\da-f]{${length}}$`)).filter((id) => !/^0+$/.test(id));

/** The headers of an outbound request made while one with these inbound headers is served. */
function passedOn(headers: Record<string, string>): Record<string, string> {
  return context.with(remoteContext(headers), () => injectTraceContext({}));
}

describe('remoteContext', () => {
  it('given a valid traceparent, continues it as a remote parent', () => {
    const parent = trace.getSpanContext(remoteContext({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` }));

    expect(parent).toEqual({ traceId: TRACE_ID, spanId: SPAN_ID, traceFlags: 1, isRemote: true });
  });

  it.each([
    ['all-zero trace id', `00-${'0'.repeat(32)}-${SPAN_ID}-01`],
    ['all-zero span id', `00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    ['forbidden version ff', `ff-${TRACE_ID}-${SPAN_ID}-01`],
    ['upper case', `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`],
    ['short trace id', `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`],
    ['a tail in version 00', `00-${TRACE_ID}-${SPAN_ID}-01-more`],
    ['two of them, joined by Node', `00-${TRACE_ID}-${SPAN_ID}-01, 00-${TRACE_ID}-${SPAN_ID}-01`],
    ['no flags', `00-${TRACE_ID}-${SPAN_ID}`],
    ['nothing', ''],
    ['16 kB', `00-${'a'.repeat(16_384)}-${SPAN_ID}-01`],
  ])('given a traceparent that is wrong (%s), starts without a parent', (_fault, traceparent) => {
    const parent = trace.getSpanContext(remoteContext({ traceparent, tracestate: 'vendor=1' }));

    expect(parent).toBeUndefined();
  });

  it('given a future version with more fields, reads those it knows', () => {
    const parent = trace.getSpanContext(remoteContext({ traceparent: `cc-${TRACE_ID}-${SPAN_ID}-01-what-the-future` }));

    expect(parent?.traceId).toBe(TRACE_ID);
  });

  it('given a broken tracestate, keeps the parent without it', () => {
    const headers = passedOn({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01`, tracestate: '@=?,===,' });

    expect(headers).toEqual({ traceparent: `00-${TRACE_ID}-${SPAN_ID}-01` });
  });

  it('given an oversized baggage, stays within the limits of W3C Baggage', () => {
    const baggage = Array.from({ length: 400 }, (_, index) => `key${index}=${'v'.repeat(50)}`).join(',');

    const headers = passedOn({ baggage });

    expect(headers['baggage']?.length).toBeLessThanOrEqual(8_192);
    expect(headers['baggage']?.split(',').length).toBeLessThanOrEqual(180);
  });

  it('given any headers at all, never throws and passes on nothing that is malformed', () => {
    const header = fc.oneof(
      fc.string({ unit: 'binary-ascii', maxLength: 600 }),
      fc.stringMatching(/^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}$/),
      fc.stringMatching(/^([a-z_@%;=]{1,9}=[ -~]{0,20},){0,40}$/),
    );

    fc.assert(
      fc.property(header, header, header, (traceparent, tracestate, baggage) => {
        const headers = passedOn({ traceparent, tracestate, baggage });

        expect(headers['traceparent'] ?? `00-${TRACE_ID}-${SPAN_ID}-01`).toMatch(VALID_TRACEPARENT);
        expect(headers['tracestate']).not.toBe('');
        expect(() => new Headers(headers)).not.toThrow();
      }),
    );
  });

  it('given any valid parent, passes on its ids and its sampling decision', () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.integer({ min: 0, max: 255 }), (traceId, spanId, flags) => {
        const headers = passedOn({ traceparent: `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}` });

        expect(headers['traceparent']).toBe(`00-${traceId}-${spanId}-0${flags & 3}`);
      }),
    );
  });
});

describe('injectTraceContext', () => {
  it('given tracestate and baggage, passes both on and keeps the other headers', () => {
    const caller = {
      traceparent: `00-${TRACE_ID}-${SPAN_ID}-00`,
      tracestate: 'one=1,two=2',
      baggage: 'tenant=blue%20team;ttl=1,user=7',
    };

    const headers = context.with(remoteContext(caller), () => injectTraceContext({ accept: 'text/plain' }));

    expect(headers).toEqual({ accept: 'text/plain', ...caller });
  });

  it('outside of a trace, adds nothing', () => {
    expect(context.with(ROOT_CONTEXT, () => injectTraceContext({}))).toEqual({});
  });
});

describe('hasTraceContext', () => {
  it.each([
    [{ traceparent: 'x' }, true],
    [{ baggage: 'x' }, true],
    [{ tracestate: 'vendor=1' }, false],
    [{}, false],
  ])('of %j is %s', (headers, expected) => {
    expect(hasTraceContext(headers)).toBe(expected);
  });
});
