import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  Counter,
  Gauge,
  Histogram,
  type Metric,
  openMetricsContentType,
  Registry,
  type RegistryContentType,
} from 'prom-client';
import { type Family, parseExposition } from '../../../test/support/exposition.js';
import { encodeMetric } from './encode-metric.js';
import type { ExpositionFormat } from './exposition-format.js';

/** Text that a careless writer would break at: quotes, braces, line breaks, what looks like an exemplar. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '{', '}', ' ', '#', ',', '=', 'n', '1') }),
);
const name = fc.stringMatching(/^[a-z_][a-z0-9_]{0,20}$/);
const values = fc.uniqueArray(fc.tuple(text, fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e300 })), {
  selector: ([label]) => label,
  minLength: 1,
  maxLength: 5,
});
const trace = fc.option(fc.stringMatching(/^[0-9a-f]{32}$/), { nil: undefined });

function openMetricsRegistry(): Registry {
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(openMetricsContentType);
  return registry as unknown as Registry;
}

async function parsed(metric: Metric, format: ExpositionFormat): Promise<Family> {
  const encoded = await encodeMetric(await metric.get(), format);
  const families = [...parseExposition(`${encoded}\n${format === 'openmetrics' ? '# EOF\n' : ''}`, format).values()];
  expect(families).toHaveLength(1);
  return families[0]!;
}

describe('encodeMetric', () => {
  it('writes any gauge so that it reads back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(name, text, values, async (gaugeName, help, series) => {
        const metric = new Gauge({ name: gaugeName, help: `_${help}`, labelNames: ['l'], registers: [] });
        for (const [l, value] of series) metric.set({ l }, value);

        for (const format of ['classic', 'openmetrics'] as const) {
          const family = await parsed(metric, format);

          expect(family).toMatchObject({ name: gaugeName, type: 'gauge', help: `_${help}` });
          expect(family.samples.map(({ labels, value }) => [labels['l'], value])).toEqual(series);
        }
      }),
    );
  });

  it('names any counter by its samples, in both formats and in any order of scrapes', async () => {
    const formats = fc.array(fc.constantFrom('classic' as const, 'openmetrics' as const), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(name, fc.boolean(), values, trace, formats, async (base, suffixed, series, trace_id, order) => {
        fc.pre(!base.endsWith('_total'));
        const metric = new Counter<string>({
          name: suffixed ? `${base}_total` : base,
          help: 'help',
          labelNames: ['l'],
          registers: [openMetricsRegistry()],
          enableExemplars: true,
        });
        for (const [l, value] of series)
          metric.inc({ labels: { l }, value, ...(trace_id ? { exemplarLabels: { trace_id } } : {}) });

        for (const format of order) {
          const family = await parsed(metric, format);

          expect(family).toMatchObject({ name: format === 'classic' ? `${base}_total` : base, type: 'counter' });
          expect(family.samples.map((sample) => [sample.name, sample.labels['l'], sample.value])).toEqual(
            series.map(([l, value]) => [`${base}_total`, l, value]),
          );
          expect(family.samples.map(({ exemplar }) => exemplar?.['trace_id'])).toEqual(
            series.map(() => (format === 'openmetrics' ? trace_id : undefined)),
          );
        }
      }),
    );
  });

  it('writes the buckets of any histogram, with exemplars in OpenMetrics only', async () => {
    const observations = fc.array(fc.double({ noNaN: true, min: 0, max: 10 }), { minLength: 1, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(name, text, observations, trace, async (histogramName, l, observed, trace_id) => {
        const metric = new Histogram<string>({
          name: histogramName,
          help: 'help',
          labelNames: ['l'],
          buckets: [0.5, 5],
          registers: [openMetricsRegistry()],
          enableExemplars: true,
        });
        for (const value of observed)
          metric.observe({ labels: { l }, value, ...(trace_id ? { exemplarLabels: { trace_id } } : {}) });

        for (const format of ['classic', 'openmetrics', 'classic'] as const) {
          const { samples } = await parsed(metric, format);

          const bucket = (le: string) => samples.find(({ labels }) => labels['le'] === le)?.value;
          expect(bucket('0.5')).toBe(observed.filter((value) => value <= 0.5).length);
          expect(bucket('+Inf')).toBe(observed.length);
          expect(samples.every(({ labels }) => labels['l'] === l)).toBe(true);
          expect(samples.some(({ exemplar }) => exemplar !== undefined)).toBe(
            format === 'openmetrics' && trace_id !== undefined,
          );
        }
      }),
    );
  });
});
