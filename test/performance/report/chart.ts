import { escaped, FONT, round } from '../../support/svg.ts';
import type { JudgedGoal } from '../goals.ts';
import { ratio } from './table.ts';

/** One bar. */
export interface Bar {
  readonly name: string;
  readonly what: string;
  readonly ratio: { readonly median: number; readonly least: number; readonly most: number };
  /** Ours are drawn in another colour than what they are compared with. */
  readonly ours: boolean;
  readonly goal?: JudgedGoal;
}

const WIDTH = 1000;
const PLOT = { left: 340, right: 900, top: 96 } as const;
const ROW_HEIGHT = 40;
const BAR_HEIGHT = 16;
const TICK = 0.2;

const STYLE = `
    svg {
      --back: #ffffff; --band: #f6f8fa; --line: #d0d7de; --text: #1f2328; --soft: #59636e;
      --ours: #0969da; --other: #8c959f; --goal: #1a7f37; --floor: #cf222e;
      font-family: ${FONT};
    }
    @media (prefers-color-scheme: dark) {
      svg {
        --back: #0d1117; --band: #161b22; --line: #3d444d; --text: #f0f6fc; --soft: #9198a1;
        --ours: #4493f8; --other: #656c76; --goal: #3fb950; --floor: #f85149;
      }
    }
    .back { fill: var(--back); }
    .band { fill: var(--band); }
    .grid { stroke: var(--line); }
    .ours { fill: var(--ours); }
    .other { fill: var(--other); }
    .range { stroke: var(--text); stroke-width: 1.5; }
    .goal { stroke: var(--goal); stroke-width: 3; }
    .floor { stroke: var(--floor); stroke-width: 3; }
    text { fill: var(--text); font-size: 11px; }
    .heading { font-size: 18px; font-weight: 600; }
    .name { font-size: 12px; font-weight: 600; }
    .soft { fill: var(--soft); }
    .middle { text-anchor: middle; }`;

/** Draws how much of bare Fastify's throughput each server reaches. */
export function drawChart(bars: readonly Bar[], note: string): string {
  const bottom = PLOT.top + bars.length * ROW_HEIGHT;
  const height = bottom + 24;
  const most = Math.ceil(Math.max(1, ...bars.map((bar) => bar.ratio.most)) / TICK) * TICK;
  const x = (value: number): number => round(PLOT.left + (value / most) * (PLOT.right - PLOT.left));
  const ticks = Array.from({ length: Math.round(most / TICK) + 1 }, (_, index) => index * TICK);
  const description = bars.map(({ name, ratio: { median } }) => `${name}: ${ratio(median)}`).join('; ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">`,
    `  <title id="title">Throughput of GET /, as a share of bare Fastify</title>`,
    `  <desc id="description">${escaped(description)}</desc>`,
    `  <style>${STYLE}`,
    '  </style>',
    `  <rect class="back" width="${WIDTH}" height="${height}" rx="8" />`,
    '  <text class="heading" x="14" y="30">Throughput of GET /, as a share of bare Fastify</text>',
    `  <text class="soft" x="14" y="50">${escaped(note)}</text>`,
    ...legend(),
    ...ticks.map(
      (tick) =>
        `  <line class="grid" x1="${x(tick)}" y1="${PLOT.top - 4}" x2="${x(tick)}" y2="${bottom}" />` +
        `<text class="soft middle" x="${x(tick)}" y="${bottom + 14}">${tick.toFixed(1)}</text>`,
    ),
    ...bars.flatMap((bar, index) => drawBar(bar, PLOT.top + index * ROW_HEIGHT, index % 2 === 0, x)),
    '</svg>',
    '',
  ].join('\n');
}

function drawBar(bar: Bar, y: number, banded: boolean, x: (value: number) => number): string[] {
  const { name, what, ours, goal } = bar;
  const { median, least, most } = bar.ratio;
  const middle = y + ROW_HEIGHT / 2;
  const mark = (kind: string, value: number | undefined): string[] =>
    value === undefined
      ? []
      : [`    <line class="${kind}" x1="${x(value)}" y1="${middle - 13}" x2="${x(value)}" y2="${middle + 13}" />`];
  return [
    '  <g>',
    ...(banded ? [`    <rect class="band" x="8" y="${y}" width="${WIDTH - 16}" height="${ROW_HEIGHT}" rx="4" />`] : []),
    `    <text class="name" x="14" y="${middle - 3}">${escaped(name)}</text>`,
    `    <text class="soft" x="14" y="${middle + 12}">${escaped(what)}</text>`,
    `    <rect class="${ours ? 'ours' : 'other'}" x="${x(0)}" y="${middle - BAR_HEIGHT / 2}" width="${round(x(median) - x(0))}" height="${BAR_HEIGHT}" rx="2" />`,
    `    <line class="range" x1="${x(least)}" y1="${middle}" x2="${x(most)}" y2="${middle}" />`,
    ...mark('floor', goal?.floor),
    ...mark('goal', goal?.goal.atLeast),
    `    <text class="name" x="${PLOT.right + 16}" y="${middle + 4}">${ratio(median)}</text>`,
    '  </g>',
  ];
}

function legend(): string[] {
  const entries: [string, string][] = [
    ['<rect class="ours" x="0" y="-9" width="22" height="10" />', 'this service'],
    ['<rect class="other" x="0" y="-9" width="22" height="10" />', 'others'],
    ['<line class="range" x1="0" y1="-4" x2="22" y2="-4" />', 'least to most'],
    ['<line class="goal" x1="11" y1="-12" x2="11" y2="4" />', 'goal'],
    ['<line class="floor" x1="11" y1="-12" x2="11" y2="4" />', 'floor'],
  ];
  return entries.map(
    ([sign, text], index) =>
      `  <g transform="translate(${14 + index * 130} 76)">${sign}<text class="soft" x="30">${text}</text></g>`,
  );
}
