import { escaped, FONT, round } from '../support/svg.js';

/** When what happened to one alert, in seconds since its cause began. */
export interface AlertTimes {
  /** `undefined` for an alert that fires without waiting. */
  readonly pending: number | undefined;
  readonly firing: number;
  /** At the receiver. */
  readonly arrived: number;
  readonly healed: number;
  /** When Prometheus held it for over. */
  readonly over: number;
  /** At the receiver. */
  readonly resolved: number;
}

/** One row of the picture. */
export interface TimelineRow {
  readonly alert: string;
  readonly severity: string;
  readonly receiver: string;
  /** What was done to make it fire, in a few words. */
  readonly cause: string;
  /** By what its windows were divided. */
  readonly factor: number;
  readonly times: AlertTimes;
}

/** What happened in the control run, in seconds since its begin. */
export interface ControlTimes {
  readonly seconds: number;
  readonly events: readonly { readonly at: number; readonly what: string }[];
}

const WIDTH = 1000;
const PLOT = { left: 400, right: 960, top: 112 } as const;
const ROW_HEIGHT = 34;
const TICKS = [0, 5, 15, 30, 60, 120, 180, 240, 300, 420, 600];

const STYLE = `
    svg {
      --back: #ffffff; --band: #f6f8fa; --line: #d0d7de; --text: #1f2328; --soft: #59636e;
      --pending: #bf8700; --firing: #cf222e; --resolved: #1a7f37; --arrived: #0969da;
      font-family: ${FONT};
    }
    @media (prefers-color-scheme: dark) {
      svg {
        --back: #0d1117; --band: #161b22; --line: #3d444d; --text: #f0f6fc; --soft: #9198a1;
        --pending: #d29922; --firing: #f85149; --resolved: #3fb950; --arrived: #4493f8;
      }
    }
    .back { fill: var(--back); }
    .band { fill: var(--band); }
    .grid { stroke: var(--line); }
    .cause { stroke: var(--soft); stroke-width: 2; stroke-dasharray: 3 3; }
    .after { stroke: var(--resolved); stroke-width: 2; stroke-dasharray: 3 3; }
    .pending { fill: var(--pending); }
    .firing { fill: var(--firing); }
    .healed { stroke: var(--resolved); stroke-width: 3; }
    .arrived { fill: var(--arrived); stroke: var(--back); stroke-width: 1.5; }
    .resolved { fill: var(--resolved); stroke: var(--back); stroke-width: 1.5; }
    text { fill: var(--text); font-size: 11px; }
    .heading { font-size: 18px; font-weight: 600; }
    .name { font-size: 12px; font-weight: 600; }
    .soft { fill: var(--soft); }
    .middle { text-anchor: middle; }
    .end { text-anchor: end; }`;

/** Draws a whole run: a row for each alert, and the control run below. */
export function drawTimeline(rows: readonly TimelineRow[], control: ControlTimes, note: string): string {
  const bottom = PLOT.top + rows.length * ROW_HEIGHT;
  const height = bottom + 130;
  const last = Math.max(...rows.map(({ times }) => times.resolved));
  const most = TICKS.find((tick) => tick >= last) ?? last;
  // Most of it happens within seconds, some of it takes minutes.
  const x = (seconds: number): number => scaled(Math.sqrt(seconds), Math.sqrt(most));
  const description = rows.map(({ alert, times }) => `${alert}: ${inWords(times)}`).join('; ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">`,
    `  <title id="title">Every alert, from its cause to its end</title>`,
    `  <desc id="description">${escaped(description)}. In the control run of ${minutes(control.seconds)} nothing fired.</desc>`,
    `  <style>${STYLE}`,
    `  </style>`,
    `  <rect class="back" width="${WIDTH}" height="${height}" rx="8" />`,
    `  <text class="heading" x="14" y="30">Every alert, from its cause to its end</text>`,
    `  <text class="soft" x="14" y="50">${escaped(note)}</text>`,
    ...legend(),
    ...TICKS.filter((tick) => tick <= most).map((tick) => axisTick(x(tick), tick, bottom)),
    ...rows.flatMap((row, index) => drawRow(row, PLOT.top + index * ROW_HEIGHT, index % 2 === 0, x)),
    ...drawControl(control, bottom + 60),
    '</svg>',
    '',
  ].join('\n');
}

function drawRow(
  { alert, severity, receiver, cause, factor, times }: TimelineRow,
  y: number,
  banded: boolean,
  x: Scale,
) {
  const { pending, firing, arrived, healed, over, resolved } = times;
  const middle = y + ROW_HEIGHT / 2;
  const bar = (kind: string, from: number, to: number): string =>
    `    <rect class="${kind}" x="${x(from)}" y="${middle - 5}" width="${round(Math.max(1, x(to) - x(from)))}" height="10" />`;
  const dot = (kind: string, at: number): string => `    <circle class="${kind}" cx="${x(at)}" cy="${middle}" r="6" />`;
  const line = (kind: string, from: number, to: number): string =>
    `    <line class="${kind}" x1="${x(from)}" y1="${middle}" x2="${x(to)}" y2="${middle}" />`;
  return [
    '  <g>',
    ...(banded ? [`    <rect class="band" x="8" y="${y}" width="${WIDTH - 16}" height="${ROW_HEIGHT}" rx="4" />`] : []),
    `    <text class="name" x="14" y="${y + 14}">${escaped(alert)}</text>`,
    `    <text class="soft end" x="${PLOT.left - 14}" y="${y + 14}">${escaped(`${severity} → ${receiver} · ÷ ${factor}`)}</text>`,
    `    <text class="soft" x="14" y="${y + 28}">${escaped(cause)}</text>`,
    line('cause', 0, pending ?? firing),
    ...(pending === undefined ? [] : [bar('pending', pending, firing)]),
    bar('firing', firing, over),
    line('after', over, resolved),
    `    <line class="healed" x1="${x(healed)}" y1="${middle - 9}" x2="${x(healed)}" y2="${middle + 9}" />`,
    dot('arrived', arrived),
    dot('resolved', resolved),
    '  </g>',
  ];
}

function drawControl({ seconds, events }: ControlTimes, y: number): string[] {
  return [
    '  <g>',
    `    <text class="name" x="14" y="${y}">Control run</text>`,
    `    <text class="soft" x="14" y="${y + 14}">${minutes(seconds)} of normal life: nothing fires</text>`,
    `    <line class="after" x1="${PLOT.left}" y1="${y + 20}" x2="${PLOT.right}" y2="${y + 20}" />`,
    ...events.flatMap(({ at, what }, index) => {
      const position = scaled(at, seconds);
      // Neighbours would write over each other on one line.
      const level = y + 20 + (index % 2 === 0 ? -12 : 24);
      return [
        `    <line class="healed" x1="${position}" y1="${y + 13}" x2="${position}" y2="${y + 27}" />`,
        `    <text class="soft middle" x="${position}" y="${level}">${escaped(what)}</text>`,
      ];
    }),
    '  </g>',
  ];
}

function legend(): string[] {
  const y = 76;
  const entries: [string, string][] = [
    [`<line class="cause" x1="0" y1="-4" x2="22" y2="-4" />`, 'cause at work'],
    [`<rect class="pending" x="0" y="-9" width="22" height="10" />`, 'pending'],
    [`<rect class="firing" x="0" y="-9" width="22" height="10" />`, 'firing'],
    [`<circle class="arrived" cx="11" cy="-4" r="6" />`, 'arrived at its receiver'],
    [`<line class="healed" x1="11" y1="-12" x2="11" y2="5" />`, 'cause mended'],
    [`<circle class="resolved" cx="11" cy="-4" r="6" />`, 'resolved arrived'],
  ];
  return entries.map(
    ([sign, text], index) =>
      `  <g transform="translate(${14 + index * 150} ${y})">${sign}<text class="soft" x="30">${text}</text></g>`,
  );
}

type Scale = (seconds: number) => number;

function axisTick(x: number, seconds: number, bottom: number): string {
  return (
    `  <line class="grid" x1="${x}" y1="${PLOT.top - 6}" x2="${x}" y2="${bottom}" />` +
    `<text class="soft middle" x="${x}" y="${PLOT.top - 12}">${seconds} s</text>`
  );
}

function scaled(value: number, most: number): number {
  return round(PLOT.left + (value / most) * (PLOT.right - PLOT.left));
}

function inWords({ pending, firing, arrived, healed, resolved }: AlertTimes): string {
  const waits = pending === undefined ? [] : [`pending after ${Math.round(pending)} s`];
  return [
    ...waits,
    `firing after ${Math.round(firing)} s`,
    `arrived after ${Math.round(arrived)} s`,
    `mended after ${Math.round(healed)} s`,
    `resolved after ${Math.round(resolved)} s`,
  ].join(', ');
}

function minutes(seconds: number): string {
  const count = Math.round(seconds / 60);
  return count === 1 ? '1 minute' : `${count} minutes`;
}
