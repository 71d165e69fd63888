import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { diag } from '@opentelemetry/api';
import { integerFromEnvironment, samplerFromEnvironment, traceDestination } from './otel-environment.js';

const before = process.env;
const complain = jest.fn();

beforeEach(() => {
  process.env = { ...before };
  complain.mockReset();
  diag.setLogger({ ...console, verbose: complain, debug: complain, info: complain, warn: complain, error: complain });
  complain.mockReset();
});

afterEach(() => {
  diag.disable();
  process.env = before;
});

describe('traceDestination', () => {
  it.each([
    ['http://collector:4318', 'http://collector:4318/v1/traces'],
    ['http://collector:4318/', 'http://collector:4318/v1/traces'],
    ['https://gateway/otlp', 'https://gateway/otlp/v1/traces'],
  ])('given the base %s is %s', (base, url) => {
    expect(traceDestination(base)).toEqual({ url });
  });

  it('given an endpoint of the traces alone, is that as it stands, with or without a base', () => {
    process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] = 'http://traces:1234/in';

    expect(traceDestination('http://collector:4318')).toEqual({ url: 'http://traces:1234/in' });
    expect(traceDestination(undefined)).toEqual({ url: 'http://traces:1234/in' });
  });

  it('given neither is nowhere, and nobody has chosen that', () => {
    expect(traceDestination(undefined)).toEqual({ reason: 'OTEL_EXPORTER_OTLP_ENDPOINT is not set', chosen: false });
  });

  it.each(['collector:4318', 'ftp://traces', '/v1/traces', 'http://user:secret@traces'])(
    'given %s as endpoint of the traces is nowhere, and does not quote it',
    (value) => {
      process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] = value;

      const destination = traceDestination('http://collector:4318');

      expect(destination).toMatchObject({ chosen: false });
      expect(JSON.stringify(destination)).toContain('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
      expect(JSON.stringify(destination)).not.toContain(value);
    },
  );

  it.each(['none', ' none ', 'otlp,none'])('given OTEL_TRACES_EXPORTER=%s is nowhere, by choice', (value) => {
    process.env['OTEL_TRACES_EXPORTER'] = value;

    expect(traceDestination('http://collector:4318')).toEqual({ reason: 'OTEL_TRACES_EXPORTER is none', chosen: true });
  });

  it.each([
    ['otlp', 0],
    ['', 0],
    ['zipkin', 1],
    ['otlp,console', 1],
  ])('given OTEL_TRACES_EXPORTER=%s is OTLP, with %i complaints', (value, complaints) => {
    process.env['OTEL_TRACES_EXPORTER'] = value;

    expect(traceDestination('http://collector:4318')).toHaveProperty('url');
    expect(complain).toHaveBeenCalledTimes(complaints);
  });
});

describe('integerFromEnvironment', () => {
  it.each([
    ['20', 20],
    [' 20 ', 20],
    ['1', 1],
  ])('takes %p', (value, expected) => {
    process.env['KEY'] = value;

    expect(integerFromEnvironment('KEY', { fallback: 7, least: 1 })).toBe(expected);
    expect(complain).not.toHaveBeenCalled();
  });

  it.each([undefined, '', ' '])('takes the fallback for %p, without a word', (value) => {
    if (value !== undefined) process.env['KEY'] = value;

    expect(integerFromEnvironment('KEY', { fallback: 7, least: 1 })).toBe(7);
    expect(complain).not.toHaveBeenCalled();
  });

  it.each(['soon', '0', '-1', '1.5', 'Infinity', '2147483648'])(
    'takes the fallback for %p, and complains of the key',
    (value) => {
      process.env['KEY'] = value;

      expect(integerFromEnvironment('KEY', { fallback: 7, least: 1 })).toBe(7);
      expect(complain).toHaveBeenCalledTimes(1);
      expect(complain).toHaveBeenCalledWith(expect.stringContaining('KEY'));
    },
  );
});

describe('samplerFromEnvironment', () => {
  it.each([
    [undefined, undefined, 'ParentBased{root=AlwaysOnSampler', 0],
    ['always_on', undefined, 'AlwaysOnSampler', 0],
    ['always_off', undefined, 'AlwaysOffSampler', 0],
    ['traceidratio', '0.25', 'TraceIdRatioBased{0.25}', 0],
    ['parentbased_always_on', undefined, 'ParentBased{root=AlwaysOnSampler', 0],
    ['parentbased_always_off', undefined, 'ParentBased{root=AlwaysOffSampler', 0],
    ['parentbased_traceidratio', '0.5', 'ParentBased{root=TraceIdRatioBased{0.5}', 0],
    ['parentbased_traceidratio', '7', 'ParentBased{root=TraceIdRatioBased{1}', 1],
    ['traceidratio', 'a half', 'TraceIdRatioBased{1}', 1],
    ['traceidratio', undefined, 'TraceIdRatioBased{1}', 0],
    ['sometimes', undefined, 'ParentBased{root=AlwaysOnSampler', 1],
  ])(
    'given OTEL_TRACES_SAMPLER=%s and argument %s is %s, with %i complaints',
    (name, argument, expected, complaints) => {
      if (name !== undefined) process.env['OTEL_TRACES_SAMPLER'] = name;
      if (argument !== undefined) process.env['OTEL_TRACES_SAMPLER_ARG'] = argument;

      expect(samplerFromEnvironment().toString().startsWith(expected)).toBe(true);
      expect(complain).toHaveBeenCalledTimes(complaints);
    },
  );
});
