import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Counter, Gauge, register } from 'prom-client';
import { parseExposition } from '../../../test/support/exposition.js';
import { ExpositionService } from './exposition.service.js';
import { COLLECT_TIMEOUT_MS, SCRAPE_ERRORS, SCRAPE_WARNING_INTERVAL_MS } from './metrics.constants.js';

describe('ExpositionService', () => {
  let exposition: ExpositionService;
  const warn = jest.spyOn(Logger.prototype, 'warn');

  beforeEach(() => {
    jest.useFakeTimers();
    warn.mockReset().mockReturnValue(undefined);
    exposition = new ExpositionService(new Counter({ name: SCRAPE_ERRORS, help: 'errors', labelNames: ['cause'] }));
    addGauge('healthy').set(1);
  });

  afterEach(() => {
    register.clear();
    jest.useRealTimers();
  });

  async function scrape(): Promise<ReturnType<typeof parseExposition>> {
    return parseExposition(await exposition.expose('classic'), 'classic');
  }

  it('counts both causes from 0', async () => {
    expect(errorsIn(await scrape())).toEqual({ gathering: 0, encoding: 0 });
  });

  it('leaves out a metric that has no values', async () => {
    addGauge('empty');

    expect([...(await scrape()).keys()]).toEqual([SCRAPE_ERRORS, 'healthy']);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ])('serves the others when a collector %s, and counts it', async (_how, collect) => {
    addGauge('failing', collect);

    const families = await scrape();

    expect([...families.keys()]).toEqual([SCRAPE_ERRORS, 'healthy']);
    expect(errorsIn(families)).toEqual({ gathering: 1, encoding: 0 });
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('failing (gathering: broken)'));
  });

  it('serves the others when a metric cannot be written down, and counts it', async () => {
    const garbled = addGauge('garbled');
    garbled.set(1);
    Object.assign(garbled, { help: 5 });

    const families = await scrape();

    expect([...families.keys()]).toEqual([SCRAPE_ERRORS, 'healthy']);
    expect(errorsIn(await scrape())).toEqual({ gathering: 0, encoding: 1 });
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('garbled (encoding: '));
  });

  it('logs failures once a minute, however often it is scraped', async () => {
    addGauge('failing', () => Promise.reject(new Error('broken')));

    await scrape();
    await scrape();
    expect(warn).toHaveBeenCalledTimes(1);
    jest.advanceTimersByTime(SCRAPE_WARNING_INTERVAL_MS);
    await scrape();

    expect(warn).toHaveBeenCalledTimes(2);
  });

  it('waits for a collector that hangs only so long, asks it no second time, and has its value once it answers', async () => {
    const answer = new EventEmitter();
    const collect = jest.fn(async () => {
      await once(answer, 'given');
    });
    addGauge('hanging', collect).set(1);

    const [first, second] = [scrape(), scrape()];
    await jest.advanceTimersByTimeAsync(COLLECT_TIMEOUT_MS);

    expect([...(await first).keys()]).toEqual([SCRAPE_ERRORS, 'healthy']);
    expect([...(await second).keys()]).toEqual([SCRAPE_ERRORS, 'healthy']);
    expect(collect).toHaveBeenCalledTimes(1);

    answer.emit('given');
    const families = await scrape();

    expect([...families.keys()]).toEqual([SCRAPE_ERRORS, 'healthy', 'hanging']);
    expect(errorsIn(families)).toEqual({ gathering: 2, encoding: 0 });
  });

  it('leaves no timer behind', async () => {
    await scrape();

    expect(jest.getTimerCount()).toBe(0);
  });
});

function addGauge(name: string, collect?: () => void | Promise<void>): Gauge {
  return new Gauge({ name, help: 'a metric', labelNames: ['a'], ...(collect ? { collect } : {}) });
}

function errorsIn(families: ReturnType<typeof parseExposition>): Record<string, number> {
  return Object.fromEntries(families.get(SCRAPE_ERRORS)!.samples.map(({ labels, value }) => [labels['cause'], value]));
}
