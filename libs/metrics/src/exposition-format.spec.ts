import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { negotiateFormat } from './exposition-format.js';

const OPENMETRICS = 'application/openmetrics-text';
const CLASSIC = 'text/plain';

describe('negotiateFormat', () => {
  it.each([
    ['a client without the header', undefined, 'classic'],
    ['an empty header', '', 'classic'],
    ['curl', '*/*', 'classic'],
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'classic'],
    [
      'Prometheus 2',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'Prometheus 3',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'Prometheus asking for protobuf first',
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4',
      'classic',
    ],
    ['a client of OpenMetrics only', OPENMETRICS, 'openmetrics'],
    ['a version that is not spoken', `${OPENMETRICS};version=2.0.0`, 'classic'],
    ['a version in quotes', `${OPENMETRICS};version="1.0.0"`, 'openmetrics'],
    ['OpenMetrics refused', `${OPENMETRICS};q=0,${CLASSIC};q=0.1`, 'classic'],
    ['a weight that is none', `${OPENMETRICS};q=high,${CLASSIC};q=0.1`, 'classic'],
    ['equal weights', `${OPENMETRICS},${CLASSIC}`, 'openmetrics'],
    ['equal weights the other way round', `${CLASSIC},${OPENMETRICS}`, 'classic'],
    ['any text', 'text/*', 'classic'],
    ['other media types only', 'image/png', 'classic'],
    ['odd case and spaces', ' Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.5 , text/plain;q=0.4', 'openmetrics'],
  ])('takes %s for what it prefers', (_client, accept, expected) => {
    expect(negotiateFormat(accept)).toBe(expected);
  });

  it('follows the weights, whatever they are and in whatever order', () => {
    const weight = fc.integer({ min: 0, max: 1_000 }).map((thousandths) => thousandths / 1_000);
    fc.assert(
      fc.property(weight, weight, fc.boolean(), (openmetrics, classic, swapped) => {
        fc.pre(openmetrics !== classic);
        const ranges = [`${OPENMETRICS};q=${openmetrics}`, `${CLASSIC};q=${classic}`];

        const format = negotiateFormat((swapped ? ranges.toReversed() : ranges).join(', '));

        expect(format).toBe(openmetrics > classic ? 'openmetrics' : 'classic');
      }),
    );
  });

  it('has an answer to any header at all', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('*', '/', ';', ',', '=', '"', 'q', '1', '.', ' ', 'a') }),
        (accept) => {
          expect(['classic', 'openmetrics']).toContain(negotiateFormat(accept));
        },
      ),
    );
  });
});
