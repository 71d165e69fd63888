import { BadRequestException } from '@nestjs/common';
import { createScanner } from 'jsonc-parser';
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

/** Of jsonc-parser's `SyntaxKind`, a const enum, which modules compiled one by one cannot import. */
const SyntaxKind = {
  OpenBraceToken: 1,
  CloseBraceToken: 2,
  OpenBracketToken: 3,
  CloseBracketToken: 4,
  ColonToken: 6,
  StringLiteral: 10,
  EOF: 17,
} as const;

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
  for (const [key, value] of Object.entries(objectOf(body))) take(key, value);
  // Only now: what nests deeply was refused for its type, and is not walked through.
  refuseRepeatedKeys(bodyText);
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

/**
 * `JSON.parse` takes the last of two values in silence; which one was meant is not ours to guess. Reads tokens, not a
 * tree: the first of two values may be nested as deep as the body is long.
 */
function refuseRepeatedKeys(text: string | undefined): void {
  if (text === undefined) return;
  const seen = new Set<string>();
  const scanner = createScanner(text, true);
  let depth = 0;
  let lastString = '';
  for (let token: number = scanner.scan(); token !== SyntaxKind.EOF; token = scanner.scan()) {
    if (token === SyntaxKind.OpenBraceToken || token === SyntaxKind.OpenBracketToken) depth++;
    else if (token === SyntaxKind.CloseBraceToken || token === SyntaxKind.CloseBracketToken) depth--;
    else if (token === SyntaxKind.StringLiteral) lastString = scanner.getTokenValue();
    else if (token === SyntaxKind.ColonToken && depth === 1) {
      if (seen.has(lastString)) throw new BadRequestException(`"${shown(lastString)}" is given twice`);
      seen.add(lastString);
    }
  }
}
