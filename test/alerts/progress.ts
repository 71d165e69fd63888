const startedAt = Date.now();

/** Tells a person who waits what is going on: past Jest, which shows a file's output when the file is done. */
export function say(text: string): void {
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  process.stderr.write(`[alerts ${clock}] ${text}\n`);
}
