import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { positiveFromEnvironment, samplerFromEnvironment, tracesUrl } from './otel-environment.js';

const before = process.env;

beforeEach(() => {
  process.env = { ...before };
});

afterEach(() => {
  process.env = before;
});

describe('tracesUrl', () => {
  it.each([
    ['http://collector:4318', 'http://collector:4318/v1/traces'],
    ['http://collector:4318/', 'http://collector:4318/v1/traces'],
    ['https://gateway/otlp', 'https://gateway/otlp/v1/traces'],
  ])('given the base %s is %s', (base, expected) => {
    expect(tracesUrl(base)).toBe(expected);
  });

  it('given an endpoint of the traces alone, is that as it stands, with or without a base', () => {
    process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] = 'http://traces:1234/in';

    expect([tracesUrl('http://collector:4318'), tracesUrl(undefined)]).toEqual([
      'http://traces:1234/in',
      'http://traces:1234/in',
    ]);
  });

  it('given neither is undefined', () => {
    expect(tracesUrl(undefined)).toBeUndefined();
  });
});

describe('positiveFromEnvironment', () => {
  it('takes the first key that holds a positive number', () => {
    process.env['FIRST'] = '-1';
    process.env['SECOND'] = '20';

    expect(positiveFromEnvironment(['FIRST', 'SECOND'], 7)).toBe(20);
  });

  it('given none, takes the fallback', () => {
    process.env['FIRST'] = 'soon';

    expect(positiveFromEnvironment(['FIRST', 'SECOND'], 7)).toBe(7);
  });
});

describe('samplerFromEnvironment', () => {
  it.each([
    [undefined, undefined, 'ParentBased{root=AlwaysOnSampler'],
    ['always_on', undefined, 'AlwaysOnSampler'],
    ['always_off', undefined, 'AlwaysOffSampler'],
    ['traceidratio', '0.25', 'TraceIdRatioBased{0.25}'],
    ['parentbased_always_on', undefined, 'ParentBased{root=AlwaysOnSampler'],
    ['parentbased_always_off', undefined, 'ParentBased{root=AlwaysOffSampler'],
    ['parentbased_traceidratio', '0.5', 'ParentBased{root=TraceIdRatioBased{0.5}'],
    ['parentbased_traceidratio', '7', 'ParentBased{root=TraceIdRatioBased{1}'],
    ['traceidratio', undefined, 'TraceIdRatioBased{1}'],
    ['sometimes', undefined, 'ParentBased{root=AlwaysOnSampler'],
  ])('given OTEL_TRACES_SAMPLER=%s and argument %s is %s', (name, argument, expected) => {
    if (name !== undefined) process.env['OTEL_TRACES_SAMPLER'] = name;
    if (argument !== undefined) process.env['OTEL_TRACES_SAMPLER_ARG'] = argument;

    expect(samplerFromEnvironment().toString().startsWith(expected)).toBe(true);
  });
});
