/**
 * Evaluates expressions of GitHub Actions, as much of them as the workflows here use
 * (https://docs.github.com/actions/reference/workflows-and-actions/expressions). What it does not know it refuses.
 */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value };
export type Functions = Readonly<Record<string, (...args: readonly Value[]) => Value>>;

export interface Contexts {
  /** `github`, `vars`, `needs`, …: one that is not listed is refused, as it is not there in that place. */
  readonly values: Readonly<Record<string, Value>>;
  /** `success`, `failure`, …, where they are known. */
  readonly functions?: Functions;
}

const TOKEN = /\s*(?:('(?:[^']|'')*')|(-?\d+(?:\.\d+)?)|([A-Za-z_][\w-]*)|(==|!=|&&|\|\||[!.*()[\],]))/y;

interface Token {
  readonly kind: 'string' | 'number' | 'name' | 'sign' | 'end';
  readonly text: string;
}

/** The value of a text with `${{ … }}` in it: of one alone its own, else the text with each put in. */
export function interpolate(text: string, contexts: Contexts): Value {
  const whole = /^\s*\$\{\{((?:(?!\$\{\{)[\s\S])*)\}\}\s*$/.exec(text);
  if (whole) return evaluate(whole[1]!, contexts);
  return text.replace(/\$\{\{([\s\S]*?)\}\}/g, (_, expression: string) => asText(evaluate(expression, contexts)));
}

export function evaluate(expression: string, contexts: Contexts): Value {
  const tokens = tokenize(expression);
  let at = 0;
  const peek = (): string => (tokens[at]!.kind === 'sign' ? tokens[at]!.text : '');
  const take = (): Token => tokens[at++]!;
  const expect = (text: string): void => {
    if (take().text !== text) throw new SyntaxError(`${text} is missing in: ${expression}`);
  };

  function or(): Value {
    let left = and();
    while (peek() === '||') {
      take();
      const right = and();
      left = isTrue(left) ? left : right;
    }
    return left;
  }
  function and(): Value {
    let left = equality();
    while (peek() === '&&') {
      take();
      const right = equality();
      left = isTrue(left) ? right : left;
    }
    return left;
  }
  function equality(): Value {
    let left = not();
    while (peek() === '==' || peek() === '!=') {
      const wanted = take().text === '==';
      left = equal(left, not()) === wanted;
    }
    return left;
  }
  function not(): Value {
    if (peek() !== '!') return member();
    take();
    return !isTrue(not());
  }
  function member(): Value {
    let value = primary();
    for (;;) {
      if (peek() === '.') {
        take();
        const next = take();
        value = next.text === '*' ? star(value) : property(value, next.text);
      } else if (peek() === '[') {
        take();
        value = property(value, asText(or()));
        expect(']');
      } else return value;
    }
  }
  function primary(): Value {
    const token = take();
    if (token.kind === 'string') return token.text.slice(1, -1).replaceAll("''", "'");
    if (token.kind === 'number') return Number(token.text);
    if (token.text === '(') {
      const value = or();
      expect(')');
      return value;
    }
    if (token.kind !== 'name') throw new SyntaxError(`${token.text || 'the end'} is out of place in: ${expression}`);
    if (peek() === '(') return call(token.text);
    if (token.text === 'true' || token.text === 'false') return token.text === 'true';
    if (token.text === 'null') return null;
    const value = contexts.values[token.text];
    if (value === undefined) throw new ReferenceError(`there is no ${token.text} here: ${expression}`);
    return value;
  }
  function call(name: string): Value {
    expect('(');
    const args: Value[] = [];
    while (peek() !== ')') {
      args.push(or());
      if (peek() === ',') take();
    }
    expect(')');
    const known = { ...FUNCTIONS, ...contexts.functions }[name];
    if (known === undefined) throw new ReferenceError(`there is no ${name}() here: ${expression}`);
    return known(...args);
  }

  const value = or();
  if (tokens[at]!.kind !== 'end') throw new SyntaxError(`${tokens[at]!.text} is out of place in: ${expression}`);
  return value;
}

const FUNCTIONS: Functions = {
  contains: (list, item = null) =>
    Array.isArray(list)
      ? list.some((entry: Value) => equal(entry, item))
      : asText(list ?? null)
          .toLowerCase()
          .includes(asText(item).toLowerCase()),
  startsWith: (text = null, start = null) => asText(text).toLowerCase().startsWith(asText(start).toLowerCase()),
  format: (text = null, ...args) =>
    asText(text).replace(/\{(\d+)\}/g, (_, index) => asText(args[Number(index)] ?? null)),
  toJSON: (value = null) => JSON.stringify(value),
  fromJSON: (text = null) => JSON.parse(asText(text)) as Value,
};

export function isTrue(value: Value): boolean {
  return !(value === null || value === false || value === 0 || value === '');
}

/** As the runner writes a value into a text. */
export function asText(value: Value): string {
  if (value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** Texts without regard to case; of different kinds, as numbers. */
function equal(left: Value, right: Value): boolean {
  if (typeof left === 'string' && typeof right === 'string') return left.toLowerCase() === right.toLowerCase();
  if (typeof left === typeof right || (typeof left === 'object' && typeof right === 'object')) return left === right;
  return asNumber(left) === asNumber(right);
}

function asNumber(value: Value): number {
  if (value === null || value === '') return 0;
  return typeof value === 'object' ? Number.NaN : Number(value);
}

function property(value: Value, name: string): Value {
  if (Array.isArray(value)) return value.map((entry: Value) => property(entry, name));
  if (value === null || typeof value !== 'object') return null;
  return (value as Readonly<Record<string, Value>>)[name] ?? null;
}

function star(value: Value): Value {
  return value === null || typeof value !== 'object' ? [] : Object.values(value);
}

function tokenize(expression: string): Token[] {
  const text = expression.trim();
  const tokens: Token[] = [];
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < text.length; ) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError(`not understood at ${text.slice(at)}`);
    const kind =
      match[1] !== undefined ? 'string' : match[2] !== undefined ? 'number' : match[3] !== undefined ? 'name' : 'sign';
    tokens.push({ kind, text: match[0].trim() });
  }
  return [...tokens, { kind: 'end', text: '' }];
}
