import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const TIMEOUT_MS = 15_000;

/** One answer, read strictly: what is not HTTP/1.1 is an error. */
export interface RawAnswer {
  readonly status: number;
  /** By lower-case name; the values of a name in the order in which they came. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: string;
}

/**
 * A connection that sends bytes as they are, for requests that no HTTP client would make. Use it with
 * `await using`, so that it is closed whatever happens.
 */
export class RawConnection implements AsyncDisposable {
  private bytes: Buffer = Buffer.alloc(0);
  private ended = false;

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.bytes = Buffer.concat([this.bytes, chunk]);
    });
    // A reset is an end like any other; what came before it counts.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
    });
  }

  /** @param url of the service; only its port counts */
  static async open(url: string): Promise<RawConnection> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const connection = new RawConnection(socket);
    await once(socket, 'connect');
    return connection;
  }

  /** Whether the service has closed it. */
  get closed(): boolean {
    return this.ended;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** From here on what comes is left to fill the buffers of the systems in between. */
  stopReading(): void {
    this.socket.pause();
  }

  /** Reads what is there, once, after {@link stopReading}. */
  readSome(): void {
    this.socket.read();
  }

  /** Leaves without a goodbye. */
  abort(): void {
    this.socket.resetAndDestroy();
  }

  /** Waits until exactly these bytes have come. */
  async received(text: string): Promise<void> {
    await this.until(() => this.bytes.toString('latin1') === text || undefined, text);
  }

  /** Waits for so many answers; {@link method} is what they answer, since HEAD has no body. */
  async answers(count: number, method = 'GET'): Promise<RawAnswer[]> {
    return this.until(() => {
      const answers = parseAnswers(this.bytes, method);
      return answers.length >= count ? answers : undefined;
    }, `${count} answers`);
  }

  async answer(method = 'GET'): Promise<RawAnswer> {
    const [first] = await this.answers(1, method);
    return first as RawAnswer;
  }

  /** Waits until the service closes the connection; all answers that came until then. */
  async close(method = 'GET'): Promise<RawAnswer[]> {
    await this.until(() => this.ended || undefined, 'the end of the connection');
    return parseAnswers(this.bytes, method, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.ended) return;
    this.socket.destroy();
    await once(this.socket, 'close');
  }

  private async until<T>(look: () => T | undefined, what: string): Promise<T> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (this.ended || signal.aborted)
        throw new Error(
          `${this.ended ? 'the connection closed' : 'time ran out'} before ${what}; received: ${this.bytes.toString('latin1') || 'nothing'}`,
        );
      await Promise.race([once(this.socket, 'data', { signal }), once(this.socket, 'close', { signal })]).catch(
        () => undefined,
      );
    }
  }
}

/** Sends bytes on a connection of their own and waits for the first answer. */
export async function exchange(url: string, bytes: string, method = 'GET'): Promise<RawAnswer> {
  await using connection = await RawConnection.open(url);
  connection.send(bytes);
  return await connection.answer(method);
}

/** The one value of a header; `undefined` without it, an error when it is there twice. */
export function header(answer: RawAnswer, name: string): string | undefined {
  const values = answer.headers.get(name) ?? [];
  if (values.length > 1) throw new Error(`${name} was sent ${values.length} times`);
  return values[0];
}

/** @param complete whether nothing may be left over */
function parseAnswers(bytes: Buffer, method: string, complete = false): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const parsed = parseAnswer(rest, method);
    if (parsed === undefined) break;
    // 100 Continue is not an answer yet.
    if (parsed.answer.status >= 200) answers.push(parsed.answer);
    rest = rest.subarray(parsed.length);
  }
  if (complete && rest.length > 0) throw new Error(`half an answer was received: ${rest.toString('latin1')}`);
  return answers;
}

function parseAnswer(bytes: Buffer, method: string): { answer: RawAnswer; length: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) [\x20-\x7e]*$/.exec(statusLine)?.[1];
  if (status === undefined) throw new Error(`not a status line: ${statusLine}`);
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+): ?([\t\x20-\x7e]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`not a header: ${line}`);
    const key = name.toLowerCase();
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  const bodyStart = headEnd + 4;
  const hasBody = method !== 'HEAD' && Number(status) >= 200 && status !== '204';
  const length = hasBody ? Number(headers.get('content-length')?.[0]) : 0;
  if (Number.isNaN(length)) throw new Error('an answer without content-length');
  if (bytes.length < bodyStart + length) return undefined;
  const body = bytes.toString('utf8', bodyStart, bodyStart + length);
  return { answer: { status: Number(status), headers, body }, length: bodyStart + length };
}
