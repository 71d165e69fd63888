/**
 * Reads from PromQL what the rules' tools need: which series an expression selects, by which labels it groups, and
 * where its durations are. No parser: `promtool check rules` says whether an expression is one at all.
 * https://prometheus.io/docs/prometheus/latest/querying/basics/
 */

/** `label="value"` inside the braces of a selector. */
export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

/** A metric that an expression reads. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
  /** Where its braces begin and end in the expression; `undefined` where it has none. */
  readonly braces: { readonly start: number; readonly end: number } | undefined;
}

const STRING = String.raw`"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\`[^\`]*\``;
const TOKEN = new RegExp(
  String.raw`(?<skip>\s+|#.*)|(?<string>${STRING})|(?<range>\[[^\]]*\])|(?<braces>\{(?:${STRING}|[^}"'\`])*\})|(?<number>\d[\w.]*)|(?<name>[a-zA-Z_:][\w:]*)|(?<other>.)`,
  'gy',
);
const MATCHER = new RegExp(String.raw`\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(${STRING})\s*(?:,|$)`, 'gy');

const AGGREGATIONS = new Set(
  'avg bottomk count count_values group limit_ratio limitk max min quantile stddev stdvar sum topk'.split(' '),
);
/** Words followed by a list of labels. */
const GROUPINGS = new Set('by without on ignoring group_left group_right'.split(' '));
const WORDS = new Set([
  ...AGGREGATIONS,
  ...GROUPINGS,
  ...'and or unless bool offset atan2 inf nan start end'.split(' '),
]);

/** Every metric an expression reads, in its order. */
export function selectorsOf(expression: string): Selector[] {
  const tokens = tokensOf(expression);
  const selectors: Selector[] = [];
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    const next = tokens[index + 1];
    if (token?.kind === 'braces') throw new Error(`a selector without the name of a metric: ${token.text}`);
    if (token?.kind !== 'name') continue;
    if (GROUPINGS.has(token.text.toLowerCase())) {
      if (next?.text !== '(') continue;
      const end = tokens.findIndex(({ text }, at) => at > index && text === ')');
      if (end === -1) throw new Error(`a list of labels without its end: ${expression}`);
      index = end;
    } else if (next?.text !== '(' && !WORDS.has(token.text.toLowerCase())) {
      const braces = next?.kind === 'braces' ? next : undefined;
      if (braces) index++;
      selectors.push({
        metric: token.text,
        matchers: braces ? matchersOf(braces.text.slice(1, -1)) : [],
        braces: braces && { start: braces.start, end: braces.start + braces.text.length },
      });
    }
  }
  return selectors;
}

/** Every label an expression groups or joins by. */
export function groupingLabelsOf(expression: string): Set<string> {
  const tokens = tokensOf(expression);
  const labels = new Set<string>();
  tokens.forEach((token, index) => {
    if (token.kind !== 'name' || !GROUPINGS.has(token.text.toLowerCase()) || tokens[index + 1]?.text !== '(') return;
    for (let at = index + 2; tokens[at] !== undefined && tokens[at]?.text !== ')'; at++) {
      if (tokens[at]?.kind === 'name') labels.add(tokens[at]?.text ?? '');
    }
  });
  return labels;
}

/** The expression with what is inside the braces of each selector written anew; without braces it gets some. */
export function rewriteMatchers(expression: string, rewrite: (selector: Selector) => readonly Matcher[]): string {
  let rewritten = expression;
  for (const selector of selectorsOf(expression).toReversed()) {
    if (selector.braces === undefined) throw new Error(`${selector.metric} has no matchers`);
    const text = rewrite(selector).map(({ label, operator, value }) => `${label}${operator}${JSON.stringify(value)}`);
    rewritten = `${rewritten.slice(0, selector.braces.start)}{${text.join(', ')}}${rewritten.slice(selector.braces.end)}`;
  }
  return rewritten;
}

const DURATION = String.raw`(?:\d+(?:ms|[smhdwy]))+`;

/** The expression with every duration in it written anew: ranges, steps of subqueries, offsets. */
export function rewriteDurations(expression: string, rewrite: (duration: string) => string): string {
  let rewritten = '';
  let afterOffset = false;
  for (const { kind, text } of tokensOf(expression, { withSpace: true })) {
    if (kind === 'range' || (kind === 'number' && afterOffset))
      rewritten += text.replaceAll(new RegExp(DURATION, 'g'), rewrite);
    else rewritten += text;
    if (kind !== 'skip') afterOffset = text.toLowerCase() === 'offset' || (afterOffset && text === '-');
  }
  return rewritten;
}

interface Token {
  readonly kind: 'skip' | 'string' | 'range' | 'braces' | 'number' | 'name' | 'other';
  readonly text: string;
  readonly start: number;
}

function tokensOf(expression: string, { withSpace = false } = {}): Token[] {
  return Array.from(expression.matchAll(TOKEN), ({ 0: text, index: start, groups }): Token => {
    const kind = Object.entries(groups ?? {}).find(([, value]) => value !== undefined)?.[0] as Token['kind'];
    return { kind, text, start };
  }).filter(({ kind }) => withSpace || kind !== 'skip');
}

/** Whoever left out what can't be read would select more than was asked for. */
function matchersOf(text: string): Matcher[] {
  const found = [...text.matchAll(MATCHER)];
  if (
    found
      .map(([all]) => all)
      .join('')
      .trimEnd() !== text.trimEnd()
  )
    throw new Error(`no matchers: {${text}}`);
  return found.map(([, label = '', operator, literal = '']) => ({
    label,
    operator: operator as Matcher['operator'],
    value: unquote(literal),
  }));
}

/** PromQL's strings follow Go's rules, JSON's are close enough for labels: no `\x`, no octal. */
function unquote(literal: string): string {
  if (literal.startsWith('`')) return literal.slice(1, -1);
  const inner = literal.slice(1, -1);
  return JSON.parse(
    literal.startsWith("'") ? `"${inner.replaceAll(String.raw`\'`, "'").replaceAll('"', '\\"')}"` : literal,
  ) as string;
}
