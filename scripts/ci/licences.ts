/**
 * Holds the licences of what is shipped, the production dependencies of package-lock.json, to .github/licences.yaml.
 *
 *   licences.ts [--lock FILE] [--policy FILE]
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { Report } from './report.ts';
import { type Shipped, shippedBy } from './shipped.ts';

const ROOT = resolve(import.meta.dirname, '../..');

interface Policy {
  readonly allowed: readonly string[];
  readonly exceptions: readonly { readonly package: string; readonly licence: string; readonly reason: string }[];
}

/**
 * Whether an SPDX expression allows to take one of the licences: `A OR B` one of both, `A AND B` both.
 *
 * @see https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/
 */
function allows(expression: string, allowed: ReadonlySet<string>): boolean {
  const tokens = expression.match(/\(|\)|[^\s()]+/g) ?? [];
  let at = 0;
  const word = (): string | undefined => tokens[at];
  const one = (): boolean => {
    const token = tokens[at++];
    if (token !== '(') return token !== undefined && allowed.has(token);
    const inside = either();
    return tokens[at++] === ')' && inside;
  };
  const all = (): boolean => {
    let result = one();
    while (word() === 'AND') {
      at += 1;
      const next = one();
      result = result && next;
    }
    return result;
  };
  const either = (): boolean => {
    let result = all();
    while (word() === 'OR') {
      at += 1;
      const next = all();
      result = result || next;
    }
    return result;
  };
  const result = either();
  return result && at === tokens.length;
}

function main(): void {
  const report = new Report('licences');
  const { values } = parseArgs({
    options: {
      lock: { type: 'string', default: resolve(ROOT, 'package-lock.json') },
      policy: { type: 'string', default: resolve(ROOT, '.github/licences.yaml') },
    },
  });
  const { allowed, exceptions } = parse(readFileSync(values.policy, 'utf8')) as Policy;
  const shipped = shippedBy(values.lock);
  const others = shipped.filter(({ licence }) => !allows(licence, new Set(allowed)));
  const excused = ({ id, licence }: Shipped) => exceptions.some((one) => one.package === id && one.licence === licence);
  for (const one of others.filter((one) => !excused(one))) {
    report.failed(
      `${one.id} is under ${one.licence}: take another package, or say in .github/licences.yaml why it may be shipped`,
    );
  }
  for (const one of exceptions.filter(
    (one) => !others.some(({ id, licence }) => id === one.package && licence === one.licence),
  )) {
    report.failed(`the exception for ${one.package} is not needed: take it out`);
  }
  if (process.exitCode !== 1) report.say(`${shipped.length} packages are shipped, all under allowed licences`);
}

try {
  main();
} catch (error) {
  new Report('licences').failed((error as Error).message);
}
