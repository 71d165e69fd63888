/** Forget what is written once it is this much: cheaper than moving the rest at every line. */
const COMPACT_AT = 4_096;

/** Counts the lines that a stream has not written whole yet, by the bytes it has written. */
export class UnwrittenLines {
  /** Where each line ends, in bytes since the start. */
  private ends: number[] = [];
  private first = 0;
  private handedOver = 0;
  private written = 0;

  get count(): number {
    return this.ends.length - this.first;
  }

  add(line: string): void {
    this.handedOver += Buffer.byteLength(line);
    this.ends.push(this.handedOver);
  }

  /** The last one will never be written. */
  removeLast(): void {
    this.ends.pop();
    this.handedOver = this.ends.at(-1) ?? this.written;
  }

  wrote(bytes: number): void {
    this.written += bytes;
    while (this.first < this.ends.length && (this.ends[this.first] as number) <= this.written) this.first++;
    if (this.first < COMPACT_AT && this.first < this.ends.length) return;
    this.ends = this.ends.slice(this.first);
    this.first = 0;
  }
}
