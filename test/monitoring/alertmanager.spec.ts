import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { whyNot } from '../support/alertmanager.js';
import { describeUnless, itUnless } from '../support/unless.js';

const ROOT = join(import.meta.dirname, '../..');
const FILE = join(ROOT, 'monitoring/alertmanager/alertmanager.yml');

const SERVICE = { service: 'hello-world', namespace: 'hello-world', job: 'hello-world' };

describeUnless(whyNot('amtool'))('monitoring/alertmanager/alertmanager.yml', () => {
  it.each([
    { mode: 'as it is by default', flags: [] },
    { mode: 'where matchers are read by the strict rules of UTF-8', flags: ['--enable-feature=utf8-strict-mode'] },
  ])('is accepted by Alertmanager, $mode', ({ flags }) => {
    const { status, output } = amtool(...flags, 'check-config', FILE);

    expect(output).toContain('SUCCESS');
    expect(output).not.toMatch(/level=warn.*(parse|matcher)/i);
    expect(status).toBe(0);
  });

  it.each([
    // A person is woken for everything but what is known not to be production.
    [{ ...SERVICE, alertname: 'HelloWorldTargetDown', severity: 'critical', environment: 'prod' }, 'pager'],
    [{ ...SERVICE, alertname: 'HelloWorldTargetDown', severity: 'critical', environment: 'non-prod' }, 'slack'],
    [{ ...SERVICE, alertname: 'HelloWorldTargetDown', severity: 'critical', environment: 'local' }, 'slack'],
    [{ ...SERVICE, alertname: 'HelloWorldTargetDown', severity: 'critical', environment: 'prod-eu' }, 'pager'],
    [{ ...SERVICE, alertname: 'HelloWorldTargetDown', severity: 'critical', environment: 'Prod' }, 'pager'],
    [{ ...SERVICE, alertname: 'HelloWorldTargetDown', severity: 'critical', environment: 'local-eu' }, 'pager'],
    [{ ...SERVICE, alertname: 'HelloWorldTargetDown', severity: 'critical' }, 'pager'],
    [{ ...SERVICE, alertname: 'HelloWorldNotReady', severity: 'warning', environment: 'prod' }, 'slack'],
    [{ ...SERVICE, alertname: 'HelloWorldNotReady', severity: 'warning', environment: 'non-prod' }, 'slack'],
    [{ ...SERVICE, alertname: 'HelloWorldNotReady', severity: 'warning', environment: 'local' }, 'slack'],
    [{ ...SERVICE, alertname: 'HelloWorldNotReady', severity: 'warning' }, 'slack'],
    [{ ...SERVICE, alertname: 'HelloWorldNoTraffic', severity: 'info', environment: 'prod' }, 'slack-digest'],
    [{ ...SERVICE, alertname: 'HelloWorldNoTraffic', severity: 'info', environment: 'non-prod' }, 'slack-digest'],
    [{ ...SERVICE, alertname: 'HelloWorldNoTraffic', severity: 'info', environment: 'local' }, 'slack-digest'],
    [{ ...SERVICE, alertname: 'HelloWorldNoTraffic', severity: 'info' }, 'slack-digest'],
    // The heartbeat, whatever labels a platform gives it.
    [{ alertname: 'Watchdog', severity: 'none' }, 'watchdog'],
    [{ alertname: 'Watchdog', severity: 'none', environment: 'prod', prometheus: 'monitoring/k8s' }, 'watchdog'],
    [{ ...SERVICE, alertname: 'Watchdog', severity: 'critical', environment: 'prod' }, 'watchdog'],
    // What is not ours, or says too little, is lost on nobody and wakes nobody.
    [{ alertname: 'ShopDown', service: 'shop', severity: 'critical', environment: 'prod' }, 'unrouted'],
    [{ alertname: 'ShopDown', service: 'hello-world-2', severity: 'warning', environment: 'prod' }, 'unrouted'],
    [{ alertname: 'NodeDown', severity: 'critical', environment: 'prod' }, 'unrouted'],
    [{ ...SERVICE, alertname: 'HelloWorldUnlabelled', environment: 'prod' }, 'unrouted'],
    [{ ...SERVICE, alertname: 'HelloWorldMisspelt', severity: 'Critical', environment: 'prod' }, 'unrouted'],
    [{ alertname: 'WatchdogBarks' }, 'unrouted'],
  ])('sends %j to %s', (labels, receiver) => {
    const { status, output } = amtool(
      ...['config', 'routes', 'test', `--config.file=${FILE}`],
      ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
    );

    expect(output).toBe(receiver);
    expect(status).toBe(0);
  });
});

describe('monitoring/alertmanager', () => {
  it('holds no secret, only names of files', () => {
    const text = readFileSync(FILE, 'utf8');

    expect(text.match(/^.*(?:url|token|password|key)\w*:.*$/gm)).toEqual([
      expect.stringMatching('slack_api_url_file: /run/secrets/slack_api_url'),
      expect.stringMatching('url_file: /run/secrets/pager_webhook_url'),
      expect.stringMatching('url_file: /run/secrets/watchdog_webhook_url'),
    ]);
  });
});

describe('docs/how-to/alerts.md', () => {
  const text = readFileSync(join(ROOT, 'docs/how-to/alerts.md'), 'utf8');
  const blocks = Array.from(text.matchAll(/^```sh\n([^]*?)^```$/gm), ([, content = '']) => content);

  it('has commands that a shell understands', () => {
    for (const block of blocks) {
      expect(spawnSync('bash', ['-n'], { input: block, encoding: 'utf8' }).stderr).toBe('');
    }
  });

  itUnless(whyNot('amtool'))('makes a configuration for a cluster that Alertmanager accepts', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'alert-routes-'));
    const [command = ''] = blocks.find((block) => block.startsWith('sed '))?.split('kubectl') ?? [];

    try {
      cpSync(join(ROOT, 'monitoring/alertmanager'), join(folder, 'monitoring/alertmanager'), { recursive: true });
      const made = spawnSync('bash', ['-c', command], { cwd: folder, encoding: 'utf8' });
      const { status } = amtool('check-config', join(folder, 'alertmanager.yaml'));
      const config = readFileSync(join(folder, 'alertmanager.yaml'), 'utf8');

      expect(made.stderr).toBe('');
      expect(status).toBe(0);
      expect(config).toContain('- /etc/alertmanager/config/*.tmpl');
      expect(config.match(/(?<=url_file: ).*/g)).toEqual([
        '/etc/alertmanager/secrets/alert-receivers/slack_api_url',
        '/etc/alertmanager/secrets/alert-receivers/pager_webhook_url',
        '/etc/alertmanager/secrets/alert-receivers/watchdog_webhook_url',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function amtool(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync('amtool', args, { encoding: 'utf8' });
  // It tells on standard error that a file wins over a URL that nobody gave.
  return { status, output: (status === 0 ? stdout : stdout + stderr).trim() };
}
