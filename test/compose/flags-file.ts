import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Flags {
  readonly metrics: boolean;
  readonly tracing: boolean;
}

/** How a person's editor saves: over the file, or to a new one that takes its name. */
export type Saving = 'in place' | 'by renaming';

/** Edits a copy of deploy/flags/. */
export function editFlags(folder: string, { metrics, tracing }: Flags, saving: Saving = 'in place'): void {
  const flag = (on: boolean) => ({
    state: 'ENABLED',
    variants: { on: true, off: false },
    defaultVariant: on ? 'on' : 'off',
  });
  const text = JSON.stringify({ flags: { metrics_enabled: flag(metrics), tracing_enabled: flag(tracing) } });
  const file = join(folder, 'flags.flagd.json');
  if (saving === 'in place') {
    writeFileSync(file, text);
  } else {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }
}
