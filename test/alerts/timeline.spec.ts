import { describe, expect, it } from '@jest/globals';
import { drawTimeline, type TimelineRow } from './timeline.js';

const row: TimelineRow = {
  alert: 'HelloWorldNotReady',
  severity: 'critical',
  receiver: 'pager',
  cause: 'Postgres & its "friends" hang',
  factor: 30,
  times: { pending: 2, firing: 6, arrived: 8, healed: 9, over: 12, resolved: 14 },
};
const control = { seconds: 600, events: [{ at: 90, what: 'rolling restart' }] };

describe('drawTimeline', () => {
  it('says in words, for those who do not see it, what happened to each alert', () => {
    const picture = drawTimeline([row, { ...row, times: { ...row.times, pending: undefined } }], control, 'a note');

    expect(picture).toContain('HelloWorldNotReady: pending after 2 s, firing after 6 s, arrived after 8 s');
    expect(picture).toContain('HelloWorldNotReady: firing after 6 s, arrived after 8 s');
    expect(picture).toContain('In the control run of 10 minutes nothing fired.');
  });

  it('shows cause, factor and receiver of each alert, and the note on time', () => {
    const picture = drawTimeline([row], control, 'windows are divided');

    for (const text of [
      'Postgres &amp; its &quot;friends&quot; hang',
      'critical → pager · ÷ 30',
      'windows are divided',
    ])
      expect(picture).toContain(text);
  });

  it('of twenty alerts stays small and within its width', () => {
    const picture = drawTimeline(
      Array.from({ length: 20 }, () => row),
      control,
      'a note',
    );

    expect(Buffer.byteLength(picture)).toBeLessThan(60_000);
    const positions = [...picture.matchAll(/\b(?:x|x1|x2|cx)="([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(Math.max(...positions)).toBeLessThanOrEqual(960);
  });
});
