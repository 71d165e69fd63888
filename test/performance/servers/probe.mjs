/** Loaded into a server by `--import`: answers what the bench asks by its channel, and costs nothing until then. */
import { Session } from 'node:inspector/promises';

const session = new Session();
session.connect();

const SAMPLING_INTERVAL_US = 200;

const answers = {
  look: () => ({ activeMs: performance.eventLoopUtilization().active }),
  collectGarbage: async () => {
    await session.post('HeapProfiler.collectGarbage');
    return { heapBytes: process.memoryUsage().heapUsed };
  },
  startCpuProfile: async () => {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_US });
    await session.post('Profiler.start');
    return {};
  },
  stopCpuProfile: async () => (await session.post('Profiler.stop')).profile,
  // What is garbage by the end costs as well: it was allocated.
  startHeapProfile: async () => {
    await session.post('HeapProfiler.startSampling', {
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    return {};
  },
  stopHeapProfile: async () => (await session.post('HeapProfiler.stopSampling')).profile,
};

process.on('message', async (what) => process.send(await answers[what]()));
// A server that is asked to end must not stay for its channel.
process.channel.unref();
