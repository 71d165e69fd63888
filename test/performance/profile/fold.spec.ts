import { describe, expect, it } from '@jest/globals';
import { drawFlameGraph } from './flame-graph.ts';
import {
  byOwner,
  type CallFrame,
  type CpuProfile,
  foldCpuProfile,
  foldHeapProfile,
  hottest,
  ownerOf,
  totalOf,
} from './fold.ts';

const frame = (functionName: string, url = ''): CallFrame => ({ functionName, url, lineNumber: 0, columnNumber: 0 });
const asItIs = ({ url }: CallFrame): string => url;

const FASTIFY = 'file:///app/node_modules/fastify/lib/reply.js';
const OURS = 'file:///app/libs/http/src/stage.ts';

const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 5] },
    { id: 2, callFrame: frame('send', FASTIFY), children: [4] },
    { id: 3, callFrame: frame('(idle)') },
    { id: 4, callFrame: frame('enter', OURS) },
    { id: 5, callFrame: frame('enter', OURS) },
  ],
  samples: [2, 4, 3, 5, 2],
  timeDeltas: [0, 100, 50, 1_000, 25, 10],
};

describe('whose a function is', () => {
  it.each([
    ['file:///app/node_modules/fastify/lib/reply.js', 'fastify'],
    ['file:///app/node_modules/a/node_modules/@scope/b/index.js', '@scope/b'],
    ['file:///app/libs/metrics/src/metrics.stage.ts', 'libs/metrics'],
    ['file:///app/dist/apps/hello-world/src/main.js', 'apps/hello-world'],
    ['node:internal/streams/writable', 'Node'],
    ['', 'native code and system calls'],
  ])('%s is of %s', (source, owner) => {
    expect(ownerOf(source)).toBe(owner);
  });

  it('what V8 shows as functions is told apart', () => {
    expect(ownerOf('', '(garbage collector)')).toBe('garbage collector');
  });
});

describe('a CPU profile', () => {
  it('gives each sample the time until the next one', () => {
    const root = foldCpuProfile(PROFILE, asItIs);

    expect(byOwner(root)).toEqual([
      ['(idle)', 1_000],
      ['fastify', 110],
      ['libs/http', 75],
    ]);
    expect(totalOf(root)).toBe(100 + 50 + 1_000 + 25 + 10);
  });

  it('adds up a function that is called from several places', () => {
    const [first] = hottest(foldCpuProfile(PROFILE, asItIs), 1);

    expect(first).toMatchObject({ name: 'send', self: 110 });
  });

  it('that is empty is an error', () => {
    expect(() => foldCpuProfile({ nodes: [], samples: [], timeDeltas: [] }, asItIs)).toThrow('empty');
  });
});

describe('a heap profile', () => {
  it('gives each owner the bytes that it allocated', () => {
    const head = { callFrame: frame('(root)'), selfSize: 0, children: [] };
    const children = [
      { callFrame: frame('send', FASTIFY), selfSize: 10, children: [] },
      { callFrame: frame('enter', OURS), selfSize: 30, children: [] },
    ];

    expect(byOwner(foldHeapProfile({ head: { ...head, children } }, asItIs))).toEqual([
      ['libs/http', 30],
      ['fastify', 10],
    ]);
  });
});

describe('the flame graph', () => {
  it('has a box for each function, as wide as its share, and none for idleness', () => {
    const svg = drawFlameGraph(foldCpuProfile(PROFILE, asItIs), 'a < b', (value) => `${value} µs`);

    expect(svg).toContain('a &lt; b');
    expect(svg).not.toContain('(idle)');
    expect(svg).toMatch(/<title>send · fastify\n.*\n.*<rect x="0" y="\d+" width="\d/s);
  });
});
