/**
 * Previews of pull requests: folders `previews/pr-<number>` on the branch `previews`, which Flux follows
 * (deploy/flux/previews).
 *
 *     preview.ts create <number> --digest sha256:… [--days 7]   makes it, or renews it
 *     preview.ts remove <number>                                when the pull request is closed
 *     preview.ts expire                                         removes each whose time is over
 *
 * `--remote` names another remote than `origin`. Each may be run again at any time; nothing is pushed where nothing
 * changes. Exit code 1: refused or failed, with a sentence; 2: not understood.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { dateOf } from './calendar-date.ts';
import { changeBranch } from './previews/branch.ts';
import { expiredOn, putPreview, removePreviews } from './previews/folder.ts';
import { PreviewError, previewName, previewOf, renderPreview } from './previews/render.ts';

const ROOT = resolve(import.meta.dirname, '..');
const USAGE =
  'usage: preview.ts create <number> --digest sha256:… [--days N] | remove <number> | expire [--remote NAME]';
const EXIT_USAGE = 2;

function main(): void {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      digest: { type: 'string' },
      days: { type: 'string', default: '7' },
      remote: { type: 'string', default: 'origin' },
    },
  });
  const [command, number] = positionals;
  const branch = { repository: ROOT, remote: values.remote };

  if (command === 'create' && positionals.length === 2) {
    const preview = previewOf(number, values.digest, values.days);
    const { manifests, url } = renderPreview(preview, ROOT);
    const changed = changeBranch(branch, `${preview.name}: ${preview.digest}`, (folder) =>
      putPreview(folder, preview.name, manifests),
    );
    console.log(`${preview.name}: ${url} until ${preview.expires}${changed ? '' : ', as it was'}`);
  } else if (command === 'remove' && positionals.length === 2) {
    const name = previewName(number);
    const changed = changeBranch(branch, `${name}: removed`, (folder) => removePreviews(folder, [name]));
    console.log(`${name}: ${changed ? 'removed' : 'there was none'}`);
  } else if (command === 'expire' && positionals.length === 1) {
    let expired: readonly string[] = [];
    changeBranch(branch, 'remove what has expired', (folder) => {
      expired = expiredOn(folder, dateOf(Date.now()));
      removePreviews(folder, expired);
    });
    console.log(expired.length > 0 ? `removed: ${expired.join(', ')}` : 'none has expired');
  } else {
    console.error(USAGE);
    process.exitCode = EXIT_USAGE;
  }
}

try {
  main();
} catch (error) {
  if (error instanceof PreviewError) {
    console.error(error.message);
    process.exitCode = 1;
  } else if (error instanceof TypeError && 'code' in error) {
    // An option that parseArgs does not know.
    console.error(`${error.message}\n${USAGE}`);
    process.exitCode = EXIT_USAGE;
  } else throw error;
}
