import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly authorization: string;
}

/** As much of GitHub's interface as a step asks of it: remembers what it was asked, and knows the pull requests it opened. */
export class FakeGitHub {
  readonly asked: Asked[] = [];
  /** What it says to a wish for a merge by itself. */
  autoMergeError: string | undefined;
  /** Merges the pull request that is to be closed, just before. */
  mergesBeforeClosing: (() => void) | undefined;
  readonly #open = new Map<string, number>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => {
        const asked = {
          method: request.method ?? '',
          path: request.url ?? '',
          body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
          authorization: request.headers.authorization ?? '',
        };
        this.asked.push(asked);
        const { status, body } = this.#answer(asked);
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
  }

  static async start(): Promise<FakeGitHub> {
    const fake = new FakeGitHub();
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer({ method, path, body }: Asked): { status: number; body: unknown } {
    if (path === '/graphql') {
      return { status: 200, body: this.autoMergeError ? { errors: [{ message: this.autoMergeError }] } : { data: {} } };
    }
    const [, repository] = /^\/repos\/([^/]+\/[^/]+)\/(pulls|releases)/.exec(path) ?? [];
    const pull = (number: number) => ({
      number,
      node_id: `PR_${number}`,
      html_url: `https://github.example/${repository}/pull/${number}`,
    });
    if (/\/releases/.test(path))
      return method === 'POST'
        ? { status: 201, body: { html_url: 'https://github.example/release' } }
        : { status: 404, body: {} };
    if (method === 'GET') {
      const head = new URL(path, this.url).searchParams.get('head')?.split(':')[1] ?? '';
      const number = this.#open.get(head);
      return { status: 200, body: number === undefined ? [] : [pull(number)] };
    }
    if (method === 'PUT') return { status: 200, body: { merged: true } };
    if (method === 'POST') {
      const number = this.#open.size + 1;
      this.#open.set(String(body['head']), number);
      return { status: 201, body: pull(number) };
    }
    const number = Number(path.split('/').at(-1));
    if (body['state'] === 'closed') this.mergesBeforeClosing?.();
    if (body['state'] === 'closed') for (const [head, of] of this.#open) if (of === number) this.#open.delete(head);
    return this.mergesBeforeClosing ? { status: 422, body: {} } : { status: 200, body: pull(number) };
  }
}
