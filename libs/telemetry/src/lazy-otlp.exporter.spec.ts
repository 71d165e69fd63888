import { describe, expect, it } from '@jest/globals';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { LazyOtlpExporter } from './lazy-otlp.exporter.js';

describe('LazyOtlpExporter', () => {
  it('given a URL that is none, fails the export instead of throwing', async () => {
    const exporter = new LazyOtlpExporter('not a url');

    const result = await new Promise<ExportResult>((resolve) => exporter.export([], resolve));

    expect(result.code).toBe(ExportResultCode.FAILED);
    expect(result.error?.message).toContain('not a url');
  });

  it('never used, has nothing to flush or to close', async () => {
    const exporter = new LazyOtlpExporter('http://127.0.0.1:4318/v1/traces');

    await expect(exporter.forceFlush()).resolves.toBeUndefined();
    await expect(exporter.shutdown()).resolves.toBeUndefined();
  });
});
