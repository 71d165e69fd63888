import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

/** Longest a test waits for a notification. */
const WAIT_TIMEOUT_MS = 20_000;

/** An alert in Alertmanager's own JSON. */
export interface NotifiedAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What Alertmanager posts to a webhook. */
export interface WebhookMessage {
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly alerts: readonly NotifiedAlert[];
}

/** What Alertmanager posts to Slack. */
export interface SlackMessage {
  readonly attachments: readonly [SlackAttachment];
}

export interface SlackAttachment {
  readonly title: string;
  readonly text: string;
  readonly color: string;
  readonly footer: string;
  readonly fallback: string;
  readonly pretext?: string;
}

/** A notification, by the path it came to. */
export interface Notification {
  readonly path: string;
  readonly body: Partial<WebhookMessage & SlackMessage>;
}

/** Takes what Alertmanager notifies, as a pager or as Slack would, and remembers it. */
export class AlertReceiver {
  readonly notifications: Notification[] = [];
  private readonly news = new EventEmitter();
  private readonly server: Server = createServer((request, response) => void this.receive(request, response));

  static async start(): Promise<AlertReceiver> {
    const receiver = new AlertReceiver();
    receiver.server.listen(0, '127.0.0.1');
    await once(receiver.server, 'listening');
    return receiver;
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** Waits for a notification that matches, since the start or still to come. */
  async waitFor(what: string, matches: (notification: Notification) => boolean): Promise<Notification['body']> {
    const signal = AbortSignal.timeout(WAIT_TIMEOUT_MS);
    for (;;) {
      const found = this.notifications.find(matches);
      if (found !== undefined) return found.body;
      try {
        await once(this.news, 'notification', { signal });
      } catch (cause) {
        throw new Error(`${what} did not arrive, but ${JSON.stringify(this.notifications, undefined, 2)}`, { cause });
      }
    }
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.notifications.push({ path: request.url ?? '', body: (await json(request)) as Notification['body'] });
    // Slack's own answer; Alertmanager takes any other text of it for an error.
    response.end('ok');
    this.news.emit('notification');
  }
}
