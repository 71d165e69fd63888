import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AlertReceiver, type Notification, type SlackAttachment } from '../support/alert-receiver.js';
import { Alertmanager, alertmanagerConfig, inShort, type PostedAlert, whyNot } from '../support/alertmanager.js';
import { eventually } from '../support/eventually.js';
import { describeUnless } from '../support/unless.js';

/** 30 s of waiting for a group become 300 ms, the 10 minutes of the digest 6 s. */
const SHORTER_BY = 100;
const NEVER = [{ years: ['1970'] }];
const ALWAYS = [{}];

const RUNBOOK = 'https://github.com/example/hello-world/blob/main/monitoring/runbooks/HelloWorldNotReady.md';
const DASHBOARD = 'http://localhost:3000/d/hello-world-service?var-namespace=hello-world&var-job=hello-world';

describeUnless(whyNot('alertmanager'))('Alertmanager with monitoring/alertmanager', () => {
  let receiver: AlertReceiver;
  let alertmanager: Alertmanager;
  /** Last things first, also when a start fails half-way. */
  const cleanUp = new AsyncDisposableStack();

  beforeAll(async () => {
    receiver = await AlertReceiver.start();
    cleanUp.defer(() => receiver.stop());
    alertmanager = await start(receiver, NEVER);
    cleanUp.defer(() => alertmanager.stop());
  });

  afterAll(() => cleanUp.disposeAsync());

  it('calls the pager of a critical alert of production by all its labels and annotations, and again when it is over', async () => {
    const alert = {
      ...alertOf({ alertname: 'HelloWorldTargetDown', severity: 'critical' }),
      annotations: { summary: 'down', description: 'all of it', runbook_url: RUNBOOK, dashboard_url: DASHBOARD },
    };

    await alertmanager.post(alert);
    const firing = await receiver.waitFor('the call', at('/pager', alert, 'firing'));
    await alertmanager.post(over(alert));
    const resolved = await receiver.waitFor('the end', at('/pager', alert, 'resolved'));

    const { labels, annotations } = alert;
    expect(firing).toMatchObject({ receiver: 'pager', status: 'firing', alerts: [{ labels, annotations }] });
    expect(firing.alerts).toHaveLength(1);
    expect(resolved).toMatchObject({ receiver: 'pager', status: 'resolved', alerts: [{ labels, annotations }] });
  });

  it('tells Slack of a warning with what somebody needs to act, and again when it is over', async () => {
    const alert = {
      ...alertOf({ alertname: 'HelloWorldNotReady', severity: 'warning' }),
      annotations: {
        summary: '2 of 3 instances are not ready',
        description: 'readiness_check < 1 & no <change>',
        runbook_url: RUNBOOK,
        dashboard_url: DASHBOARD,
      },
      startsAt: '2026-11-24T02:14:33Z',
      generatorURL: 'http://prometheus.example/graph?g0.expr=up&g0.tab=1',
    };
    const { namespace } = alert.labels;

    await alertmanager.post(alert);
    const firing = attachmentOf(await receiver.waitFor('the warning', inSlack(alert, 'firing')));
    await alertmanager.post({ ...over(alert), endsAt: '2026-11-24T02:31:00Z' });
    const resolved = attachmentOf(await receiver.waitFor('the end', inSlack(alert, 'resolved')));

    expect(firing).toMatchObject({
      title: `[FIRING 1] HelloWorldNotReady · prod · ${namespace}/hello-world`,
      fallback: `[FIRING 1] HelloWorldNotReady · prod · ${namespace}/hello-world`,
      color: 'warning',
      footer: 'slack',
    });
    expect(firing.text.split('\n')).toEqual([
      ':fire: *HelloWorldNotReady* · warning · prod · since 2026-11-24 02:14 UTC',
      '*2 of 3 instances are not ready*',
      'readiness_check &lt; 1 &amp; no &lt;change&gt;',
      expect.stringMatching(/^<[^|]*\|Runbook> · <[^|]*\|Dashboard> · <[^|]*\|Query> · <[^|]*\|Silence>$/),
      `\`alertname="HelloWorldNotReady", environment="prod", job="hello-world", namespace="${namespace}", service="hello-world", severity="warning"\``,
    ]);
    expect(linksOf(firing)).toMatchObject({ Runbook: RUNBOOK, Dashboard: DASHBOARD, Query: alert.generatorURL });
    expect(resolved).toMatchObject({
      title: `[RESOLVED 1] HelloWorldNotReady · prod · ${namespace}/hello-world`,
      color: 'good',
    });
    expect(resolved.text).toContain('since 2026-11-24 02:14 UTC, resolved 2026-11-24 02:31 UTC');
  });

  it('calls the pager of a critical alert that does not say of which environment it is', async () => {
    const alert = alertOf({ alertname: 'HelloWorldTargetDown', severity: 'critical' });
    delete alert.labels['environment'];

    await alertmanager.post(alert);
    const firing = await receiver.waitFor('the call', at('/pager', alert, 'firing'));

    expect(firing.alerts).toMatchObject([{ labels: alert.labels }]);
    await alertmanager.post(over(alert));
  });

  it('says in Slack that the environment of an alert is not known, and what is to be done', async () => {
    const alert = alertOf({ alertname: 'HelloWorldNotReady', severity: 'warning' });
    const known = alertOf({ alertname: 'HelloWorldNotReady', severity: 'warning' });
    delete alert.labels['environment'];

    await alertmanager.post(alert, known);
    const attachment = attachmentOf(await receiver.waitFor('the warning', inSlack(alert, 'firing')));
    const other = attachmentOf(await receiver.waitFor('the other warning', inSlack(known, 'firing')));

    expect(attachment.title).toMatch(/^\[FIRING 1] HelloWorldNotReady · environment unknown · /);
    expect(attachment.text).toMatch(/^:fire: \*HelloWorldNotReady\* · warning · environment unknown · since /);
    expect(attachment.pretext).toContain('no external label `environment`');
    expect(other.pretext ?? '').toBe('');
    await alertmanager.post(over(alert), over(known));
  });

  it('offers a silence of exactly that alert', async () => {
    const alert = alertOf({ alertname: 'HelloWorldNotReady', severity: 'warning', note: 'a "b" + c' });

    await alertmanager.post(alert);
    const attachment = attachmentOf(await receiver.waitFor('the warning', inSlack(alert, 'firing')));

    const silence = linksOf(attachment)['Silence'] ?? '';
    const [page, filter = ''] = silence.split('?filter=');
    expect(page).toBe('http://alertmanager.example/#/silences/new');
    const matchers = [...decodeURIComponent(filter).matchAll(/(\w+)=("(?:[^"\\]|\\.)*")/g)];
    expect(Object.fromEntries(matchers.map(([, name, value]) => [name, JSON.parse(value ?? '')]))).toEqual(
      alert.labels,
    );
  });

  it('puts the alerts of one release into one message, with the number of each kind', async () => {
    const first = alertOf({ alertname: 'HelloWorldNotReady', severity: 'warning' });
    const second = { labels: { ...first.labels, alertname: 'HelloWorldHighLatencyP95' } };

    await alertmanager.post(first, second);
    const both = attachmentOf(await receiver.waitFor('both', inSlack(second, 'firing')));
    await alertmanager.post(over(first));
    const one = attachmentOf(await receiver.waitFor('one', inSlack(first, 'resolved')));

    expect(both.title).toMatch(/^\[FIRING 2] 2 alerts · prod · /);
    expect(both.text).toContain('*HelloWorldNotReady*');
    expect(one.title).toMatch(/^\[FIRING 1 · RESOLVED 1] 2 alerts · prod · /);
    expect(one.text).toMatch(/:fire: \*HelloWorldHighLatencyP95\*[^]*:white_check_mark: \*HelloWorldNotReady\*/);
  });

  it('lists what is good to know of a whole environment in one message', async () => {
    const [here, there] = ['info', 'info'].map((severity) =>
      alertOf({ alertname: 'HelloWorldNoTraffic', severity, environment: 'non-prod' }),
    ) as [PostedAlert, PostedAlert];

    await alertmanager.post(here, there);
    const digest = attachmentOf(await receiver.waitFor('the digest', inSlack(here, 'firing')));

    expect(digest).toMatchObject({ footer: 'slack-digest', title: '[FIRING 2] HelloWorldNoTraffic · non-prod' });
    expect(digest.color).toBe('#439FE0');
    expect(digest.text).toContain(`namespace="${there.labels['namespace']}"`);
  });

  it('says of an alert that no route takes that it is one', async () => {
    const alert = { labels: { alertname: 'ShopDown', service: 'shop', severity: 'critical', namespace: randomUUID() } };

    await alertmanager.post(alert);
    const attachment = attachmentOf(await receiver.waitFor('the alert', inSlack(alert, 'firing')));

    expect(attachment.footer).toBe('unrouted');
    expect(attachment.pretext).toContain('No route takes this alert');
  });

  it('sends an alert without a single annotation, and without most labels', async () => {
    const alert = { labels: { alertname: 'Bare', namespace: randomUUID() } };

    await alertmanager.post(alert);
    const { text } = attachmentOf(await receiver.waitFor('the alert', inSlack(alert, 'firing')));

    expect(text).toMatch(
      /^:fire: \*Bare\* · environment unknown · since .*\n<[^|]*\|Silence>\n`alertname="Bare", namespace="[^"]*"`$/,
    );
  });

  it('passes the heartbeat on as long as it comes, and never that it ended', async () => {
    const alert = { labels: { alertname: 'Watchdog', severity: 'none' } };
    const beats = () => receiver.notifications.filter(({ path }) => path === '/watchdog');

    await alertmanager.post(alert);
    await eventually('three heartbeats', () => beats().length >= 3);
    await alertmanager.post(over(alert));
    // The end of this one is told later than one of the heartbeat would be.
    const other = alertOf({ alertname: 'HelloWorldNotReady', severity: 'warning' });
    await alertmanager.post(other);
    await receiver.waitFor('another alert', inSlack(other, 'firing'));
    await alertmanager.post(over(other));
    await receiver.waitFor('its end', inSlack(other, 'resolved'));

    expect(beats().map(({ body }) => body.status)).not.toContain('resolved');
  });

  it.each([
    { name: 'a warning, while a critical alert of the release fires', source: 'critical', target: 'warning' },
    { name: 'an info, while a critical alert of the release fires', source: 'critical', target: 'info' },
    { name: 'an info, while a warning of the release fires', source: 'warning', target: 'info' },
  ])('holds back $name, and no longer', async ({ source, target }) => {
    // An environment of its own: the digest has one group for each.
    const cause = alertOf({ alertname: 'HelloWorldCause', severity: source, environment: randomUUID() });
    const effect = { labels: { ...cause.labels, alertname: 'HelloWorldEffect', severity: target } };

    await expectHeldBack(cause, effect);
  });

  it.each(['critical', 'warning', 'info'])(
    'holds back every %s alert of a release that is down, and no longer',
    async (severity) => {
      const cause = alertOf({ alertname: 'HelloWorldTargetDown', severity: 'critical', environment: randomUUID() });
      const effect = { labels: { ...cause.labels, alertname: 'HelloWorldEffect', severity } };

      await expectHeldBack(cause, effect);
    },
  );

  it.each([
    { other: 'namespace', labels: { namespace: 'another' } },
    { other: 'job', labels: { job: 'another' } },
    { other: 'environment', labels: { environment: 'another' } },
    { other: 'service', labels: { service: 'another' } },
  ])('holds back nothing of another $other', async ({ labels }) => {
    const cause = alertOf({ alertname: 'HelloWorldTargetDown', severity: 'critical' });
    const unrelated = {
      labels: { ...cause.labels, alertname: 'HelloWorldNotReady', severity: 'warning', id: randomUUID(), ...labels },
    };

    await alertmanager.post(cause, unrelated);
    await receiver.waitFor('the call', at('/pager', cause, 'firing'));

    await receiver.waitFor('the other alert', inSlack(unrelated, 'firing'));
    await alertmanager.post(over(cause), over(unrelated));
  });

  it('reads the files of the secrets at every notification', async () => {
    const [before, after] = [1, 2].map(() => alertOf({ alertname: 'HelloWorldTargetDown', severity: 'critical' })) as [
      PostedAlert,
      PostedAlert,
    ];

    await alertmanager.post(before);
    await receiver.waitFor('the call', at('/pager', before, 'firing'));
    alertmanager.writeSecret('pager_webhook_url', receiver.url('/rotated'));
    await alertmanager.post(after);
    await receiver.waitFor('the call at the new address', at('/rotated', after, 'firing'));

    alertmanager.writeSecret('pager_webhook_url', receiver.url('/pager'));
  });

  it('holds what is good to know back in its muting window, and nothing else', async () => {
    const night = await start(receiver, ALWAYS);
    const info = alertOf({ alertname: 'HelloWorldNoTraffic', severity: 'info' });
    const warning = alertOf({ alertname: 'HelloWorldNotReady', severity: 'warning' });

    try {
      await night.post(info, warning);
      await eventually('the info is muted', async () => {
        const [alert] = await night.alertsOf(info.labels['namespace'] ?? '');
        return alert?.status.mutedBy.includes('nights-and-weekends') === true;
      });
      await receiver.waitFor('the warning', inSlack(warning, 'firing'));
    } finally {
      await night.stop();
    }

    expect(receiver.notifications.filter(inSlack(info, 'firing'))).toEqual([]);
  });

  it('has failed at no notification, in no template', async () => {
    const failed = [...(await alertmanager.metrics()).matchAll(/^alertmanager_notifications_failed_total.* (\d+)$/gm)];

    expect(failed.length).toBeGreaterThan(0);
    expect(failed.filter(([, count]) => count !== '0')).toEqual([]);
    expect(alertmanager.log()).not.toMatch(/level=(WARN|ERROR).*(templat|notify)/i);
  });

  /** Both fire at once; the effect is told only when the cause is over. */
  async function expectHeldBack(cause: PostedAlert, effect: PostedAlert): Promise<void> {
    const told = (): Notification[] =>
      receiver.notifications.filter((each) => at('/pager', effect, 'firing')(each) || inSlack(effect, 'firing')(each));

    await alertmanager.post(cause, effect);
    await receiver.waitFor(
      'the cause',
      (each) => at('/pager', cause, 'firing')(each) || inSlack(cause, 'firing')(each),
    );
    await eventually('the effect is held back', async () => {
      const alerts = await alertmanager.alertsOf(effect.labels['namespace'] ?? '');
      const found = alerts.find(({ labels }) => labels['alertname'] === 'HelloWorldEffect');
      return found?.status.state === 'suppressed' && found.status.inhibitedBy.length > 0;
    });
    expect(told()).toEqual([]);

    await alertmanager.post(over(cause));
    await eventually('the effect is told', () => told().length > 0);
    await alertmanager.post(over(effect));
  }
});

function start(receiver: AlertReceiver, muted: Record<string, unknown>[]): Promise<Alertmanager> {
  const config = alertmanagerConfig();
  return Alertmanager.start(
    {
      ...config,
      route: inShort(config.route, SHORTER_BY),
      time_intervals: config.time_intervals.map(({ name }) => ({ name, time_intervals: muted })),
    },
    {
      pager_webhook_url: receiver.url('/pager'),
      slack_api_url: receiver.url('/slack'),
      watchdog_webhook_url: receiver.url('/watchdog'),
    },
  );
}

/** An alert of a release of its own. */
function alertOf(labels: Readonly<Record<string, string>>): PostedAlert & { labels: Record<string, string> } {
  const release = { service: 'hello-world', environment: 'prod', job: 'hello-world', namespace: `ns-${randomUUID()}` };
  return { labels: { ...release, ...labels } };
}

function over(alert: PostedAlert): PostedAlert {
  return { ...alert, endsAt: new Date().toISOString() };
}

type Status = 'firing' | 'resolved';

/** A webhook's message of this alert. */
function at(path: string, { labels }: PostedAlert, status: Status): (notification: Notification) => boolean {
  return (notification) =>
    notification.path === path &&
    (notification.body.alerts ?? []).some(
      (alert) =>
        alert.status === status &&
        alert.labels['namespace'] === labels['namespace'] &&
        alert.labels['alertname'] === labels['alertname'],
    );
}

/** A Slack message of this alert. */
function inSlack({ labels }: PostedAlert, status: Status): (notification: Notification) => boolean {
  const matchers = Object.entries(labels)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const mark = status === 'firing' ? ':fire:' : ':white_check_mark:';
  return ({ path, body }) =>
    path === '/slack' &&
    (body.attachments ?? []).some(({ text }) =>
      text.split(/\n(?=:fire:|:white_check_mark:)/).some((part) => {
        return part.startsWith(mark) && part.includes(`\`${matchers.join(', ')}\``);
      }),
    );
}

function attachmentOf(body: Notification['body']): SlackAttachment {
  const [attachment] = body.attachments ?? [];
  if (attachment === undefined) throw new Error(`no message of Slack: ${JSON.stringify(body)}`);
  return attachment;
}

/** Where the links of a message lead, by their text. */
function linksOf({ text }: SlackAttachment): Readonly<Record<string, string>> {
  const links = [...text.matchAll(/<([^|>]*)\|([^>]*)>/g)];
  return Object.fromEntries(links.map(([, url = '', name = '']) => [name, url.replaceAll('&amp;', '&')]));
}
