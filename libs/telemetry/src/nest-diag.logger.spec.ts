import { describe, expect, it, jest } from '@jest/globals';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { NestDiagLogger } from './nest-diag.logger.js';

describe('NestDiagLogger', () => {
  it('brings warnings and errors into the log, each once, and nothing below', () => {
    const warn = jest.fn();
    diag.setLogger(new NestDiagLogger({ warn }), DiagLogLevel.ALL);

    diag.verbose('chatter');
    diag.debug('chatter');
    diag.info('chatter');
    diag.warn('trouble');
    diag.error('worse trouble');
    diag.error('worse trouble');
    diag.disable();

    expect(warn.mock.calls).toEqual([['OpenTelemetry: trouble'], ['OpenTelemetry: worse trouble']]);
  });

  it('leaves out what comes with the text: it may hold headers', () => {
    const warn = jest.fn();
    const logger: { warn(message: string, ...rest: unknown[]): void } = new NestDiagLogger({ warn });

    logger.warn('export failed', { authorization: 'Bearer secret' });

    expect(JSON.stringify(warn.mock.calls)).not.toContain('secret');
  });

  it('keeps the first line: a stack is of no use there', () => {
    const warn = jest.fn();

    new NestDiagLogger({ warn }).error('Error: duplicate registration\n    at registerGlobal (global-utils.ts:59:17)');

    expect(warn.mock.calls).toEqual([['OpenTelemetry: Error: duplicate registration']]);
  });

  it('cuts a long text', () => {
    const warn = jest.fn<(message: string) => void>();

    new NestDiagLogger({ warn }).error('x'.repeat(10_000));

    expect(warn.mock.calls[0]?.[0].length).toBeLessThan(400);
  });

  it.each([
    ['a number', "Unknown value 'hunter2' for OTEL_BSP_SCHEDULE_DELAY, expected a number", 'OTEL_BSP_SCHEDULE_DELAY'],
    ['a quoted number', 'Unknown value "it\'s hunter2" for OTEL_BSP_EXPORT_TIMEOUT', 'OTEL_BSP_EXPORT_TIMEOUT'],
    ['a limit', 'OTEL_EXPORTER_OTLP_TIMEOUT is invalid, expected … (actual: hunter2)', 'OTEL_EXPORTER_OTLP_TIMEOUT'],
    ['another key', "Unknown value 'OTEL_HUNTER2' for OTEL_SDK_DISABLED, expected 'true'", 'OTEL_SDK_DISABLED'],
  ])('names the key of a bad value and withholds the value: %s', (_case, complaint, key) => {
    const warn = jest.fn();

    new NestDiagLogger({ warn }).warn(complaint);

    expect(warn.mock.calls).toEqual([[`OpenTelemetry: ${key} has a value that cannot be used: it counts as not set`]]);
  });

  it('withholds what is quoted elsewhere', () => {
    const warn = jest.fn();

    new NestDiagLogger({ warn }).warn("Could not parse the URL: 'http://user:hunter2@collector', ignored");

    expect(warn.mock.calls).toEqual([['OpenTelemetry: Could not parse the URL: …, ignored']]);
  });
});
