import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Ended, ROOT, runStep } from './script.js';

/** The day on which these tests think that they run: what is accepted until 27 May may be accepted, and no longer. */
const TODAY = '2026-11-28';
const FURTHEST = '2027-05-27';

let folder: string;

/** A file of this test. */
function file(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-dependencies-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('audit.ts', () => {
  const advisory = (severity: string) => ({
    vulnerabilities: {
      fastify: {
        via: [
          {
            name: 'fastify',
            title: 'Something bad',
            url: 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc',
            severity,
            range: '<5.1.0',
          },
        ],
      },
      // Concerned only through the other.
      '@nestjs/platform-fastify': { via: ['fastify'] },
    },
  });
  const exception = (until: string, of = 'fastify') =>
    `exceptions:\n  - { advisory: GHSA-aaaa-bbbb-cccc, package: ${of}, reason: awaited upstream, until: ${until} }\n`;

  const audit = async (report: unknown, exceptions = 'exceptions: []\n'): Promise<Ended> =>
    runStep('audit.ts', [
      ...['--report', file('report.json', report)],
      ...['--exceptions', file('exceptions.yaml', exceptions)],
      ...['--today', TODAY],
    ]);

  it.each(['high', 'critical'])('fails for an advisory of severity %s, once, with its address', async (severity) => {
    const { code, stderr } = await audit(advisory(severity));

    expect(code).toBe(1);
    expect(stderr).toBe(
      `audit: fastify <5.1.0: ${severity}, Something bad (https://github.com/advisories/GHSA-aaaa-bbbb-cccc)\n`,
    );
  });

  it('passes for a moderate one, and for one that is excused', async () => {
    expect(await audit(advisory('moderate'))).toMatchObject({ code: 0, stderr: '' });
    for (const until of [TODAY, FURTHEST]) {
      expect(await audit(advisory('high'), exception(until))).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it.each([
    [
      'has ended',
      'fastify',
      '2026-11-27',
      /^audit: the exception for GHSA-aaaa-bbbb-cccc in fastify ended on 2026-11-27$/m,
    ],
    [
      'is for longer than half a year',
      'fastify',
      '2027-05-28',
      /ends on 2027-05-28, more than 180 days ahead: 2027-05-27/,
    ],
    ['is for ever', 'fastify', '9999-12-31', /GHSA-aaaa-bbbb-cccc in fastify ends on 9999-12-31, more than 180 days/],
    ['has no last day', 'fastify', 'soon', /GHSA-aaaa-bbbb-cccc in fastify has no last day, YYYY-MM-DD/],
    ['ends on a day that there is not', 'fastify', '2027-02-30', /has no last day, YYYY-MM-DD/],
    ['is for another package', 'pg', FURTHEST, /fastify <5\.1\.0: high/],
  ])('fails when an exception %s', async (_what, name, until, why) => {
    const { code, stderr } = await audit(advisory('high'), exception(until, name));

    expect(code).toBe(1);
    expect(stderr).toMatch(why);
  });

  it('fails when an exception is not needed, or gives no reason', async () => {
    const needless = await audit({ vulnerabilities: {} }, exception(FURTHEST));
    const silent = await audit(advisory('high'), exception(FURTHEST).replace('awaited upstream', "''"));

    expect(needless.stderr).toMatch(/is not needed: take it out/);
    expect(silent.stderr).toMatch(/the exception for GHSA-aaaa-bbbb-cccc in fastify gives no reason/);
    expect([needless.code, silent.code]).toEqual([1, 1]);
  });

  const noAdvisories = () => ['--report', file('report.json', { message: '405 Method Not Allowed', statusCode: 405 })];

  it('fails where the registry knows no advisories, and a workflow counts on it', async () => {
    const { code, stderr } = await runStep('audit.ts', noAdvisories(), { env: { REQUIRE_TOOLS: 'true' } });

    expect(code).toBe(1);
    expect(stderr).toBe(
      'audit: the registry knows no advisories: 405 Method Not Allowed, and REQUIRE_TOOLS is set: try again\n',
    );
  });

  it('is skipped where the registry knows no advisories, in the summary as well', async () => {
    const summary = file('summary.md', '');
    const args = noAdvisories();

    const { code, stdout } = await runStep('audit.ts', args, { env: { GITHUB_STEP_SUMMARY: summary } });

    expect(code).toBe(0);
    expect(stdout).toBe('skipped: the registry knows no advisories: 405 Method Not Allowed\n');
    expect(readFileSync(summary, 'utf8')).toBe(
      '- **audit**: skipped: the registry knows no advisories: 405 Method Not Allowed\n',
    );
  });
});

describe('exceptions.ts', () => {
  const exceptions = async (files: Readonly<Record<string, string>>): Promise<Ended> => {
    const root = mkdtempSync(join(folder, 'root-'));
    mkdirSync(join(root, '.github'));
    for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
    return runStep('exceptions.ts', ['--root', root, '--today', TODAY]);
  };
  const osv = (until: string, reason = 'reason = "not reachable"') => ({
    '.github/osv-scanner.toml': `# Accepted.\n[[IgnoredVulns]]\nid = "GO-2022-0968"\n${until}\n${reason} # here\n`,
  });
  const trivy = (until: string, reason = 'statement: not reachable', list = 'vulnerabilities') => ({
    '.trivyignore.yaml': `${list}:\n  - id: CVE-2022-40897\n    ${reason}\n    ${until}\n`,
  });

  it('passes for what this repository accepts', async () => {
    expect(await runStep('exceptions.ts')).toMatchObject({ code: 0, stderr: '' });
  });

  it('passes for what has a reason and a last day', async () => {
    const ended = await exceptions({ ...osv(`ignoreUntil = ${FURTHEST}`), ...trivy(`expired_at: ${FURTHEST}`) });

    expect(ended).toEqual({
      code: 0,
      stderr: '',
      stdout: 'exceptions: 2 accepted, each with a reason and a last day\n',
    });
  });

  it.each([
    ['osv: is over', osv('ignoreUntil = 2026-11-27'), 'GO-2022-0968 ended on 2026-11-27'],
    ['osv: is for ever', osv('ignoreUntil = 9999-12-31'), 'GO-2022-0968 ends on 9999-12-31, more than 180 days ahead'],
    ['osv: has no last day', osv(''), 'GO-2022-0968 has no last day'],
    ['osv: has no reason', osv(`ignoreUntil = ${FURTHEST}`, 'reason = ""'), 'GO-2022-0968 gives no reason'],
    ['osv: is of a whole package', { '.github/osv-scanner.toml': '[[PackageOverrides]]' }, 'not [[PackageOverrides]]'],
    ['Trivy: is over', trivy('expired_at: 2026-11-27'), 'CVE-2022-40897 ended on 2026-11-27'],
    ['Trivy: is for ever', trivy('expired_at: 9999-12-31'), 'CVE-2022-40897 ends on 9999-12-31, more than 180 days'],
    ['Trivy: has no last day', trivy('paths: [x]', undefined, 'misconfigurations'), 'CVE-2022-40897 has no last day'],
    ['Trivy: has no reason', trivy(`expired_at: ${FURTHEST}`, 'paths: [x]'), 'CVE-2022-40897 gives no reason'],
    ['Trivy: is in another file', { '.trivyignore': 'CVE-2022-40897' }, 'exceptions are in .trivyignore.yaml'],
    ['Trivy: is in its settings', { 'trivy.yaml': 'ignore-policy: x.rego' }, 'exceptions are in .trivyignore.yaml'],
    ['osv: is in another file', { 'osv-scanner.toml': '' }, 'exceptions are in .github/osv-scanner.toml'],
  ])('fails for what %s, and names it', async (_what, files, why) => {
    const { code, stderr } = await exceptions(files);

    expect(code).toBe(1);
    expect(stderr).toContain(why);
    expect(stderr).toMatch(new RegExp(`^exceptions: ${Object.keys(files)[0]}: .*\n$`));
  });
});

describe('licences.ts', () => {
  const lock = (license: string | undefined, more = {}) => ({
    packages: {
      '': { license: 'Apache-2.0' },
      'node_modules/a/node_modules/@x/b': { version: '1.0.0', license, ...more },
    },
  });
  const licences = async (locked: unknown, exceptions = '[]'): Promise<Ended> =>
    runStep('licences.ts', [
      '--lock',
      file('lock.json', locked),
      '--policy',
      file('policy.yaml', `allowed: [MIT, Apache-2.0]\nexceptions: ${exceptions}\n`),
    ]);

  it('passes for what this repository ships', async () => {
    const { code, stdout } = await runStep('licences.ts');

    expect(code).toBe(0);
    expect(stdout).toMatch(/^licences: \d{3} packages are shipped, all under allowed licences\n$/);
  });

  it.each(['MIT', '(MIT OR GPL-3.0-only)', '(GPL-2.0-only OR (MIT AND Apache-2.0))', 'MIT AND Apache-2.0'])(
    'passes for %s',
    async (licence) => {
      expect(await licences(lock(licence))).toMatchObject({ code: 0, stderr: '' });
    },
  );

  it.each([
    'GPL-3.0-only',
    'MIT AND GPL-3.0-only',
    '(MIT',
    'UNLICENSED',
    'SEE LICENSE IN LICENSE',
    'Apache-2.0 WITH something',
    undefined,
  ])('fails for %s, and names the package', async (licence) => {
    const { code, stderr } = await licences(lock(licence));

    expect(code).toBe(1);
    expect(stderr).toMatch(/^licences: @x\/b@1\.0\.0 is under .+: take another package, or say/);
  });

  it('looks at nothing that is not shipped', async () => {
    for (const what of [{ dev: true }, { optional: true }, { devOptional: true }]) {
      expect(await licences(lock('GPL-3.0-only', what))).toMatchObject({ code: 0 });
    }
  });

  it('takes an exception for one version and licence, and refuses one that is not needed', async () => {
    const exception = (id: string) => `[{ package: '${id}', licence: GPL-3.0-only, reason: none }]`;

    expect(await licences(lock('GPL-3.0-only'), exception('@x/b@1.0.0'))).toMatchObject({ code: 0, stderr: '' });
    const other = await licences(lock('GPL-3.0-only'), exception('@x/b@2.0.0'));
    expect(other.stderr).toMatch(/@x\/b@1\.0\.0 is under GPL-3\.0-only/);
    expect(other.stderr).toMatch(/the exception for @x\/b@2\.0\.0 is not needed/);
  });
});

describe('sbom.ts', () => {
  interface Spdx {
    readonly packages: readonly { readonly name: string; readonly versionInfo: string }[];
  }
  interface CycloneDx {
    readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
    readonly metadata: { readonly component: { readonly name: string; readonly type: string } };
  }

  it('names each package that is shipped, Node and the base image by its digest, in both formats', async () => {
    expect(await runStep('sbom.ts', ['--out', folder])).toMatchObject({ code: 0, stderr: '' });

    const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
    const spdx = read('sbom.spdx.json') as Spdx;
    const cycloneDx = read('sbom.cdx.json') as CycloneDx;
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string; dev?: boolean; optional?: boolean; devOptional?: boolean }>;
    };
    const shipped = Object.entries(lock.packages)
      .filter(([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional)
      .map(([path, { version }]) => `${path.split('node_modules/').at(-1)}@${version}`);
    const base = /^FROM gcr\.io\/(\S+):(\S+)@(sha256:\w+)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? [];
    const node = readFileSync(join(ROOT, '.nvmrc'), 'utf8').trim();
    const expected = [...new Set([...shipped, `node@${node}`, `gcr.io/${base[1]}@${base[2]}@${base[3]}`])].sort();

    const inSpdx = spdx.packages.map(({ name, versionInfo }) => `${name}@${versionInfo}`);
    const inCycloneDx = cycloneDx.components.map(({ name, version }) => `${name}@${version}`);
    expect([...new Set(inSpdx)].filter((id) => !id.startsWith('hello-world@')).sort()).toEqual(expected);
    expect([...new Set(inCycloneDx)].sort()).toEqual(expected);
    expect(cycloneDx.metadata.component).toMatchObject({ name: 'hello-world', type: 'application' });
  });

  it('names the image that is built by its digest, in both formats', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const out = mkdtempSync(join(folder, 'built-'));
    writeFileSync(join(out, 'image.json'), JSON.stringify({ digest }));

    expect(await runStep('sbom.ts', ['--out', out])).toMatchObject({ code: 0, stderr: '' });

    for (const name of ['sbom.spdx.json', 'sbom.cdx.json']) {
      const other = `sha256:${'b'.repeat(64)}`;
      expect(await runStep('sbom-of.ts', [digest, join(out, name)])).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(await runStep('sbom-of.ts', [other, join(out, name)])).toMatchObject({
        code: 1,
        stderr: `sbom-of: ${join(out, name)} is about ${digest}, not about ${other}\n`,
      });
    }
  });

  it('names no image where none is built, so that nothing attests it', async () => {
    await runStep('sbom.ts', ['--out', folder]);

    const ended = await runStep('sbom-of.ts', [`sha256:${'a'.repeat(64)}`, join(folder, 'sbom.cdx.json')]);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('is about no image');
  });
});
