/** Shows on standard error what is being done, and how long it will all take. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  #remainingSeconds: number;
  #stepSeconds = 0;

  constructor(stream: NodeJS.WriteStream, seconds: number) {
    this.#stream = stream;
    this.#remainingSeconds = seconds;
  }

  step(what: string, seconds: number): void {
    this.#remainingSeconds = Math.max(0, this.#remainingSeconds - this.#stepSeconds);
    this.#stepSeconds = seconds;
    const line = `${what} · ${inWords(this.#remainingSeconds)} left`;
    this.#stream.write(this.#stream.isTTY ? `\r\u001B[2K${line}` : `${line}\n`);
  }

  /** Clears the line for whatever comes next. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\u001B[2K');
  }
}

export function inWords(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
