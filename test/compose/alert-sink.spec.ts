import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT } from '../support/launcher.js';
import { endProcesses, startProcess, type TestProcess } from '../support/process.js';

const ALERT = {
  status: 'firing',
  labels: { alertname: 'HelloWorldTargetDown', severity: 'critical' },
  annotations: { summary: 'nobody <answers>' },
};

describe('the alert sink', () => {
  let sink: TestProcess;
  let url: string;

  beforeEach(async () => {
    sink = startProcess(process.execPath, [join(ROOT, 'deploy/compose/alert-sink/sink.mjs'), '0']);
    const [, port] = await sink.output(/port (\d+)/);
    url = `http://127.0.0.1:${port}`;
  });

  afterEach(endProcesses);

  const post = async (receiver: string, body: unknown) =>
    fetch(`${url}/${receiver}`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });

  it('keeps what a receiver got, for programs', async () => {
    const response = await post('pager', { alerts: [ALERT] });

    expect(await response.text()).toBe('ok');
    expect(await (await fetch(`${url}/alerts`)).json()).toEqual([
      { receiver: 'pager', receivedAt: expect.stringMatching(/^\d{4}-.*Z$/), payload: { alerts: [ALERT] } },
    ]);
  });

  it('prints one line for each alert', async () => {
    await post('pager', { alerts: [ALERT, { ...ALERT, status: 'resolved' }] });

    await sink.output(/Z pager firing HelloWorldTargetDown severity=critical nobody <answers>\n/);
    await sink.output(/Z pager resolved HelloWorldTargetDown severity=critical nobody <answers>\n/);
  });

  it('prints what Slack would show, on one line', async () => {
    await post('slack', { attachments: [{ title: 'TargetDown', text: 'first\nsecond' }] });

    await sink.output(/Z slack TargetDown first second\n/);
  });

  it('shows it to people, as text and not as markup', async () => {
    await post('pager', { alerts: [ALERT] });

    const page = await (await fetch(url)).text();

    expect(page).toContain('pager firing HelloWorldTargetDown severity=critical nobody &lt;answers&gt;');
  });

  it('keeps the last 500', async () => {
    for (let number = 0; number <= 500; number++) await post('pager', { number });

    const kept = (await (await fetch(`${url}/alerts`)).json()) as { payload: { number: number } }[];

    expect(kept.map(({ payload }) => payload.number)).toEqual(Array.from({ length: 500 }, (_, index) => index + 1));
  });

  it('keeps no more of them than it has memory for', async () => {
    const text = 'é'.repeat(2 ** 19 - 100); // Almost the largest that it takes, at two bytes each.
    for (let number = 0; number < 20; number++) await post('pager', { number, text });

    const kept = (await (await fetch(`${url}/alerts`)).json()) as { payload: { number: number; text: string } }[];

    expect(kept.map(({ payload }) => payload.number)).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
    expect(kept.every(({ payload }) => payload.text === text)).toBe(true);
  });

  it.each([
    ['what is no JSON', 'pager', 'no', 400],
    ['what is no object', 'pager', '1', 400],
    ['what has an alert that is none', 'pager', '{"alerts":[null]}', 400],
    ['what is too large', 'pager', `"${'x'.repeat(2 ** 21)}"`, 413],
    ['a receiver with an odd name', '..%2f', '{}', 404],
  ])('refuses %s, and goes on', async (_what, receiver, body, status) => {
    const response = await post(receiver, body);

    expect(response.status).toBe(status);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(await (await fetch(`${url}/alerts`)).json()).toEqual([]);
  });

  it('ends at once when it is told to, with 0', async () => {
    await fetch(url);

    sink.kill('SIGTERM');

    expect(await sink.exit).toEqual({ code: 0, signal: null });
  });
});
