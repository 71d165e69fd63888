import { readFileSync } from 'node:fs';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  /** Where it is installed under another name than its own. */
  readonly name?: string;
}

/** A package that is in the image. */
export interface Shipped {
  /** `name@version` */
  readonly id: string;
  /** By SPDX; what it says, where that is something else. */
  readonly licence: string;
}

/** What `npm ci --omit=dev --omit=optional` installs, as the image has it. */
export function shippedBy(lockFile: string): readonly Shipped[] {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as { packages: Readonly<Record<string, Locked>> };
  return Object.entries(packages)
    .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
    .map(([path, { version, license, name }]) => ({
      id: `${name ?? path.split('node_modules/').at(-1)}@${version}`,
      licence: license ?? 'none that it names',
    }));
}
