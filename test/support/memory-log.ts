import type { LogSink } from '#libs/logging';

/** One line of the log, parsed. */
export type LogLine = Record<string, unknown> & { readonly level: string; readonly msg: string };

/** A log in memory, with a way to wait for a line instead of for time. */
export class MemoryLog implements LogSink {
  readonly droppedLines = 0;
  readonly lines: LogLine[] = [];
  private readonly waiting = new Set<() => void>();

  write(text: string): void {
    this.lines.push(JSON.parse(text) as LogLine);
    for (const look of [...this.waiting]) look();
  }

  /** Resolves with the first line, past or future, that `matches`; rejects after `timeoutMs`. */
  async waitFor(matches: (line: LogLine) => boolean, timeoutMs = 25_000): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const line = this.lines.find(matches);
        if (!line) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        resolve(line);
      };
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        reject(
          new Error(`no such line in ${timeoutMs} ms; the log has:\n${this.lines.map((line) => line.msg).join('\n')}`),
        );
      }, timeoutMs);
      this.waiting.add(look);
      look();
    });
  }
}
