import { readFileSync } from 'node:fs';

/** What was built: written once at build time, read by everything that tells a version. */
export interface BuildInfo {
  readonly version: string;
  readonly revision: string;
}

/** In a build it lies at the root of `dist/`, three folders above this file. */
const BUILD_INFO_URL = new URL('../../../build-info.json', import.meta.url);

/** The build's own record; where the sources run unbuilt (unit tests) there is none, and it says so. */
export function readBuildInfo(): BuildInfo {
  try {
    const { version, revision } = JSON.parse(readFileSync(BUILD_INFO_URL, 'utf8')) as BuildInfo;
    return { version, revision };
  } catch {
    return { version: '0.0.0-unbuilt', revision: 'unknown' };
  }
}
