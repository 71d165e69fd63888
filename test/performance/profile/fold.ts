/** The part of V8's CPU profile (`.cpuprofile`, the Profiler domain of the inspector) that is read here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Which node was at work at each sample, by id. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

/** The part of V8's sampling heap profile (`.heapprofile`) that is read here. */
export interface HeapProfile {
  readonly head: HeapNode;
}

interface HeapNode {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** A function; lines and columns count from 0. */
export interface CallFrame {
  readonly functionName: string;
  /** Of the script; empty for what is no script. */
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** One function as it was called from one place. */
export interface Frame {
  readonly name: string;
  /** Where it was written. */
  readonly place: string;
  readonly owner: string;
  /** Microseconds, or bytes. */
  self: number;
  readonly children: Frame[];
}

/** What a script was made of, when it was compiled or bundled. */
export type SourceOf = (frame: CallFrame) => string;

/** When nothing was at work. */
export const IDLE = '(idle)';

/** What V8 shows as functions and is none, by whom it is put down to. */
const NOT_FUNCTIONS: Readonly<Record<string, string>> = {
  '(program)': 'native code and system calls',
  '(garbage collector)': 'garbage collector',
  [IDLE]: IDLE,
};

/**
 * Whose a function is: a package, a library or an application of this repository, or Node.
 *
 * @param source where the function was written, as URL or path
 */
export function ownerOf(source: string, functionName = ''): string {
  const [, pack] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(source) ?? [];
  if (pack !== undefined) return pack;
  if (source.startsWith('node:')) return 'Node';
  const [, ours] = /\/((?:libs|apps)\/[^/]+)\//.exec(source) ?? [];
  return ours ?? NOT_FUNCTIONS[functionName] ?? (source === '' ? 'native code and system calls' : 'the rest');
}

/** The call tree with the time that each function itself was at work. */
export function foldCpuProfile({ nodes, samples, timeDeltas }: CpuProfile, sourceOf: SourceOf): Frame {
  const frames = new Map(nodes.map((node) => [node.id, frameOf(node.callFrame, sourceOf)]));
  for (const { id, children = [] } of nodes) {
    for (const child of children) frames.get(id)?.children.push(frames.get(child) as Frame);
  }
  for (const [index, id] of samples.entries()) {
    const frame = frames.get(id);
    // What passed until the next sample was this one's.
    if (frame) frame.self += Math.max(0, timeDeltas[index + 1] ?? 0);
  }
  const root = frames.get(nodes[0]?.id ?? 0);
  if (root === undefined) throw new Error('the profile is empty');
  return root;
}

/** The call tree with the bytes that each function itself has allocated. */
export function foldHeapProfile({ head }: HeapProfile, sourceOf: SourceOf): Frame {
  const fold = ({ callFrame, selfSize, children }: HeapNode): Frame =>
    Object.assign(frameOf(callFrame, sourceOf), { self: selfSize, children: children.map(fold) });
  return fold(head);
}

/** The sum of the `self` of each owner, most first. */
export function byOwner(root: Frame): [owner: string, self: number][] {
  const sums = new Map<string, number>();
  const add = ({ owner, self, children }: Frame): void => {
    sums.set(owner, (sums.get(owner) ?? 0) + self);
    for (const child of children) add(child);
  };
  add(root);
  return [...sums].filter(([, self]) => self > 0).sort(([, a], [, b]) => b - a);
}

/** The functions that are most at work themselves, from wherever they are called. */
export function hottest(root: Frame, count: number): Frame[] {
  const sums = new Map<string, Frame>();
  const add = (frame: Frame): void => {
    const key = `${frame.name} ${frame.place}`;
    const sum = sums.get(key) ?? { ...frame, self: 0, children: [] };
    sum.self += frame.self;
    sums.set(key, sum);
    for (const child of frame.children) add(child);
  };
  add(root);
  return [...sums.values()]
    .filter(({ owner }) => owner !== IDLE)
    .sort((a, b) => b.self - a.self)
    .slice(0, count);
}

/** All that a function and those it calls have taken. */
export function totalOf({ self, children }: Frame): number {
  return children.reduce((sum, child) => sum + totalOf(child), self);
}

function frameOf(callFrame: CallFrame, sourceOf: SourceOf): Frame {
  const source = sourceOf(callFrame);
  const { functionName } = callFrame;
  const owner = ownerOf(source, functionName);
  const place = source.replace(/^.*\/node_modules\//, '').replace(/^file:\/\//, '');
  return { name: functionName || '(anonymous)', place, owner, self: 0, children: [] };
}
