/** One alert of one notification, as its receiver got it. */
export interface Arrival {
  readonly receiver: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

type ToldAlert = Pick<Arrival, 'status' | 'labels' | 'annotations'>;

/** What `GET /alerts` of the sink gives (deploy/compose/alert-sink/). */
interface Notification {
  readonly receiver: string;
  readonly receivedAt: string;
  readonly payload: {
    readonly alerts?: readonly ToldAlert[];
    readonly attachments?: readonly SlackAttachment[];
  };
}

interface SlackAttachment {
  readonly text: string;
  /** The name of the receiver: several may share a webhook. */
  readonly footer: string;
}

/** What arrived at the receivers of the local platform. */
export class AlertSink {
  constructor(private readonly url: string) {}

  /** Everything since a moment, oldest first; but of the watchdog, which is always there. */
  async arrivals(since = 0): Promise<Arrival[]> {
    return (await this.all(since)).filter(({ receiver }) => receiver !== 'watchdog');
  }

  /** How often the watchdog has come since a moment. */
  async heartbeats(since: number): Promise<number> {
    return (await this.all(since)).filter(({ receiver }) => receiver === 'watchdog').length;
  }

  private async all(since: number): Promise<Arrival[]> {
    const response = await fetch(`${this.url}/alerts`, { signal: AbortSignal.timeout(10_000) });
    const notifications = (await response.json()) as Notification[];
    return notifications.filter(({ receivedAt }) => Date.parse(receivedAt) >= since).flatMap(arrivalsOf);
  }
}

function arrivalsOf({ receiver, receivedAt, payload: { alerts, attachments = [] } }: Notification): Arrival[] {
  const at = Date.parse(receivedAt);
  const arrival = (to: string, { status, labels, annotations }: ToldAlert): Arrival => {
    return { receiver: to, at, status, labels, annotations };
  };
  if (alerts !== undefined) return alerts.map((alert) => arrival(receiver, alert));
  return attachments.flatMap(({ footer, text }) => alertsOfSlack(text).map((alert) => arrival(footer, alert)));
}

/**
 * Reads a Slack message as monitoring/alertmanager/templates/hello-world.tmpl writes it: what is not in the text,
 * nobody on call has seen.
 */
function alertsOfSlack(text: string): ToldAlert[] {
  return text.split(/\n*(?=^:(?:fire|white_check_mark): \*)/m).map((part) => {
    const [head = '', ...lines] = part.trim().split('\n');
    const links = lines.findIndex((line) => line.includes('|Runbook>'));
    const [summary = '', ...description] = lines.slice(0, links);
    return {
      status: head.startsWith(':fire:') ? 'firing' : 'resolved',
      labels: matchersOf(unescaped(lines.at(-1) ?? '')),
      annotations: {
        summary: unescaped(summary.replace(/^\*(.*)\*$/, '$1')),
        description: unescaped(description.join('\n')),
        runbook_url: linkOf(lines[links], 'Runbook'),
        dashboard_url: linkOf(lines[links], 'Dashboard'),
      },
    };
  });
}

function matchersOf(line: string): Record<string, string> {
  const pairs = line.matchAll(/(\w+)=("(?:[^"\\]|\\.)*")/g);
  return Object.fromEntries([...pairs].map(([, name = '', value = '""']) => [name, JSON.parse(value) as string]));
}

function linkOf(line: string | undefined, name: string): string {
  return unescaped(new RegExp(`<([^<>|]*)\\|${name}>`).exec(line ?? '')?.[1] ?? '');
}

/** https://docs.slack.dev/messaging/formatting-message-text */
function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
