import { BadRequestException } from '@nestjs/common';
import { visit } from 'jsonc-parser';
import { parseBooleanText } from '#libs/config';
import { FLAG_NAMES, type FlagName } from '#libs/flags';

/** What a request wants changed. An absent flag keeps its override. */
export type FlagChanges = Partial<Record<FlagName, boolean>>;

/** What a request brings: the parsed body, its text (which still shows a key given twice), and the query. */
export interface FlagChangesInput {
  readonly body: unknown;
  readonly bodyText: string | undefined;
  readonly query: Readonly<Record<string, unknown>>;
}

const SHOWN_KEY_LENGTH = 64;

/** A key as an error repeats it: whole if it is sensibly short. */
const shown = (key: string): string => key.slice(0, SHOWN_KEY_LENGTH);

const isFlagName = (key: string): key is FlagName => (FLAG_NAMES as readonly string[]).includes(key);

/**
 * Reads changes of flags from a body, a query, or both. All or nothing.
 *
 * @throws BadRequestException naming the key, for one that is unknown, given twice, or not a boolean
 */
export function parseFlagChanges({ body, bodyText, query }: FlagChangesInput): FlagChanges {
  const changes = new Map<FlagName, boolean>();
  const take = (key: string, value: unknown): void => {
    if (!isFlagName(key))
      throw new BadRequestException(`"${shown(key)}" is no flag; there are ${FLAG_NAMES.join(', ')}`);
    if (typeof value !== 'boolean') throw new BadRequestException(`"${key}" must be true or false`);
    if (changes.has(key) && changes.get(key) !== value) throw new BadRequestException(`"${key}" has two values`);
    changes.set(key, value);
  };
  refuseRepeatedKeys(bodyText);
  for (const [key, value] of Object.entries(objectOf(body))) take(key, value);
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) throw new BadRequestException(`"${shown(key)}" is given twice`);
    take(key, typeof value === 'string' ? parseBooleanText(value) : value);
  }
  return Object.fromEntries(changes);
}

function objectOf(body: unknown): object {
  if (body === undefined) return {};
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  throw new BadRequestException('the body must be an object of flags, such as {"tracing":true}');
}

/** `JSON.parse` takes the last of two values in silence; which one was meant is not ours to guess. */
function refuseRepeatedKeys(text: string | undefined): void {
  if (text === undefined) return;
  const seen = new Set<string>();
  visit(text, {
    onObjectProperty: (key, _offset, _length, _line, _column, pathSupplier) => {
      if (pathSupplier().length > 0) return;
      if (seen.has(key)) throw new BadRequestException(`"${shown(key)}" is given twice`);
      seen.add(key);
    },
  });
}
