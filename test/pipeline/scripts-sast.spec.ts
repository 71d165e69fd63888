import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';
import { pathWithout } from './planted.js';
import { ROOT, run, runStep } from './script.js';

jest.setTimeout(180_000);

const RULES = join(ROOT, '.semgrep');

/** For each rule a line that it finds, and one that it lets pass. */
const EXAMPLES: Readonly<Record<string, { file: string; found: string; passed: string }>> = {
  'environment-read-outside-config': {
    file: 'libs/hello/src/a.ts',
    found: "const port = process.env['PORT'];",
    passed: 'const port = config.port;',
  },
  'sql-made-of-strings': {
    file: 'libs/hello/src/b.ts',
    found: 'await client.query(`select * from users where name = ${name}`);',
    passed: "await client.query('select * from users where name = $1', [name]);",
  },
  'secret-compared-as-text': {
    file: 'libs/hello/src/c.ts',
    found: 'if (given === config.adminToken) return;',
    passed: 'if (config.adminToken === undefined) return;',
  },
  'secret-in-a-log': {
    file: 'libs/hello/src/d.ts',
    found: 'logger.info({ token: config.adminToken });',
    passed: 'logger.info({ route });',
  },
  'regular-expression-from-a-variable': {
    file: 'libs/hello/src/e.ts',
    found: 'const matches = new RegExp(given);',
    passed: "const matches = new RegExp('^a+$');",
  },
  'password-digest-that-is-broken': {
    file: 'scripts/f.ts',
    found: "const digest = createHash('md5').update(text);",
    passed: "const digest = createHash('sha256').update(text);",
  },
  'code-from-a-string': { file: 'scripts/g.mjs', found: 'eval(text);', passed: 'evaluate(text);' },
  'shell-command-made-of-strings': {
    file: 'test/h.ts',
    found: 'execSync(`git show ${commit}`);',
    passed: "execFileSync('git', ['show', commit]);",
  },
  'certificate-not-checked': {
    file: 'libs/hello/src/i.ts',
    found: 'connect({ host, rejectUnauthorized: false });',
    passed: 'connect({ host, ca });',
  },
  'download-that-is-run': {
    file: 'scripts/j.sh',
    found: 'curl https://get.example/install | sh',
    passed: 'curl https://get.example/install --output install',
  },
  'certificate-not-checked-by-curl': {
    file: 'scripts/k.sh',
    found: 'curl --insecure https://a.example/',
    passed: 'curl --cacert ca.pem https://a.example/',
  },
  'secret-as-an-argument': {
    file: 'scripts/l.sh',
    found: 'curl --header "Authorization: Bearer $GH_TOKEN" https://a.example/',
    passed: 'curl --config - https://a.example/',
  },
};

interface Finding {
  readonly check_id: string;
  readonly path: string;
  readonly start: { readonly line: number };
}

const ruleIds = readdirSync(RULES).flatMap((file) =>
  (parse(readFileSync(join(RULES, file), 'utf8')) as { rules: { id: string }[] }).rules.map(({ id }) => id),
);

it('each rule of .semgrep has an example of what it finds', () => {
  expect(Object.keys(EXAMPLES).sort()).toEqual(ruleIds.sort());
});

describeUnless(whyNoTool('semgrep'))('the rules of .semgrep', () => {
  let folder: string;
  let findings: readonly Finding[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'scripts-sast-'));
    // Tests as well, which semgrep leaves out by itself.
    cpSync(join(ROOT, '.semgrepignore'), join(folder, '.semgrepignore'));
    for (const { file, found, passed } of Object.values(EXAMPLES)) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), `${found}\n${passed}\n`);
    }
    const args = ['scan', '--metrics=off', '--disable-version-check', '--json', '--config', RULES, '.'];
    const { stdout } = await run('semgrep', args, { cwd: folder });
    findings = (JSON.parse(stdout) as { results: Finding[] }).results;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(Object.keys(EXAMPLES))('%s finds its example, and lets the right way pass', (rule) => {
    const lines = findings
      .filter(({ check_id, path }) => check_id.endsWith(rule) && path === EXAMPLES[rule]?.file)
      .map(({ start }) => start.line);

    expect([...new Set(lines)]).toEqual([1]);
  });

  it('let everything else pass', () => {
    const unexpected = findings.filter(({ check_id, path }) => {
      const rule = Object.keys(EXAMPLES).find((id) => check_id.endsWith(id)) ?? '';
      return EXAMPLES[rule]?.file !== path;
    });

    expect(unexpected).toEqual([]);
  });

  it('make sast.sh fail where there is a finding, and are clean over this repository', async () => {
    const out = join(folder, 'out');
    const planted = await runStep('sast.sh', [join(folder, 'scripts/g.mjs')], { env: { OUT: out } });
    expect(planted.code).toBe(1);
    expect(planted.stdout).toContain('code-from-a-string');
    expect(planted.stderr).toContain('semgrep finds something');

    const here = await runStep('sast.sh', [], { env: { OUT: out } });
    expect(here).toMatchObject({ code: 0, stderr: '' });
  });
});

it('sast.sh is skipped where there is no semgrep, and fails where one is counted on', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'scripts-sast-'));
  const PATH = pathWithout(elsewhere, 'semgrep');

  expect(await runStep('sast.sh', [], { env: { PATH } })).toMatchObject({
    code: 0,
    stdout: 'skipped: there is no semgrep on the PATH\n',
  });
  expect(await runStep('sast.sh', [], { env: { PATH, REQUIRE_TOOLS: 'true' } })).toMatchObject({ code: 1 });
  rmSync(elsewhere, { recursive: true, force: true });
});
