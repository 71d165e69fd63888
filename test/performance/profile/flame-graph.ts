import { escaped, round } from '../../support/svg.ts';
import { type Frame, IDLE, totalOf } from './fold.ts';

const WIDTH = 1_600;
const ROW_HEIGHT = 17;
const TOP = 48;
/** Narrower frames cannot be seen, and are left out. */
const LEAST_WIDTH = 0.5;
const CHARACTER_WIDTH = 6.2;

const STYLE = `
    svg { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: #ffffff; }
    text { font-size: 11px; fill: #1f2328; pointer-events: none; }
    .heading { font-size: 15px; font-weight: 600; font-family: system-ui, sans-serif; }
    rect { stroke: #ffffff; stroke-width: 0.5; }
    rect:hover { stroke: #1f2328; stroke-width: 1; }`;

/** A box to be drawn: a function and, merged, all its calls from the same place. */
interface Box {
  readonly frame: Frame;
  readonly total: number;
  readonly depth: number;
  readonly x: number;
}

/**
 * Draws a call tree as a flame graph: callers below those they call, as wide as what they took. One colour for each
 * owner; a box tells its name, place and share when pointed at.
 *
 * @param show a value, for people
 */
export function drawFlameGraph(root: Frame, title: string, show: (value: number) => string): string {
  const busy = { ...root, children: root.children.filter(({ owner }) => owner !== IDLE) };
  const total = totalOf(busy);
  const boxes = layOut(mergeCalls(busy), total);
  const depth = Math.max(0, ...boxes.map((box) => box.depth));
  const height = TOP + (depth + 1) * ROW_HEIGHT + 10;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    `  <style>${STYLE}`,
    '  </style>',
    `  <text class="heading" x="10" y="26">${escaped(title)}</text>`,
    ...boxes.map((box) => drawBox(box, total, height, show)),
    '</svg>',
    '',
  ].join('\n');
}

/** Functions that are called from the same place several times are one. */
function mergeCalls(frame: Frame): Frame {
  const merged = new Map<string, Frame>();
  for (const child of frame.children) {
    const key = `${child.name} ${child.place}`;
    const same = merged.get(key);
    if (same === undefined) merged.set(key, { ...child, children: [...child.children] });
    else {
      same.self += child.self;
      same.children.push(...child.children);
    }
  }
  return { ...frame, children: [...merged.values()].map(mergeCalls) };
}

function layOut(root: Frame, all: number): Box[] {
  const boxes: Box[] = [];
  const place = (frame: Frame, depth: number, x: number): number => {
    const total = totalOf(frame);
    const width = (total / all) * WIDTH;
    if (width < LEAST_WIDTH) return width;
    boxes.push({ frame, total, depth, x });
    let left = x;
    const widestFirst = frame.children.toSorted((a, b) => totalOf(b) - totalOf(a));
    for (const child of widestFirst) left += place(child, depth + 1, left);
    return width;
  };
  place(root, 0, 0);
  return boxes;
}

function drawBox(
  { frame, total, depth, x }: Box,
  all: number,
  height: number,
  show: (value: number) => string,
): string {
  const { name, place, owner, self } = frame;
  const width = (total / all) * WIDTH;
  const y = height - 10 - (depth + 1) * ROW_HEIGHT;
  const share = ((total / all) * 100).toFixed(1);
  const told = `${name} · ${owner}\n${place}\n${show(total)} (${share} %), itself ${show(self)}`;
  const label = name.slice(0, Math.max(0, Math.floor((width - 4) / CHARACTER_WIDTH)));
  const text = label.length < 3 ? '' : `<text x="${round(x + 3)}" y="${y + 12}">${escaped(label)}</text>`;
  return (
    `  <g><title>${escaped(told)}</title><rect x="${round(x)}" y="${y}" width="${round(width)}" height="${ROW_HEIGHT - 1}" ` +
    `fill="${colourOf(owner)}" rx="1" />${text}</g>`
  );
}

/** The same for the same owner in every picture. */
function colourOf(owner: string): string {
  let hash = 7;
  for (const character of owner) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return `hsl(${hash} 65% 75%)`;
}
