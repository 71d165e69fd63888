import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startProcess } from '../test/support/process.js';
import { whyNoTool } from '../test/support/tools.js';
import { describeUnless, itUnless } from '../test/support/unless.js';

const SCRIPT = join(import.meta.dirname, 'smoke-test.sh');
const HOST = 'hello-world.example';
const METRICS = '# TYPE build_info gauge\nbuild_info{version="1.2.3",revision="abc",node="26"} 1\n';

/** What is answered, by path; everything else by 404. */
type Answers = Readonly<Record<string, string>>;
const WELL: Answers = { '/': 'hello world' };

const servers: (Server | TlsServer)[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(server: Server | TlsServer): Promise<number> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

function answering(answers: (asked: number) => Answers): RequestListener {
  let asked = 0;
  return ({ url = '' }, response) => {
    const text = answers(++asked)[url];
    response.writeHead(text === undefined ? 404 : 200).end(text ?? 'not found');
  };
}

async function serve(answers: Answers | ((asked: number) => Answers)): Promise<string> {
  const listener = answering(typeof answers === 'function' ? answers : () => answers);
  return `http://127.0.0.1:${await listen(createServer(listener))}`;
}

async function smokeTest(...args: readonly string[]) {
  const child = startProcess('bash', [SCRIPT, '--deadline', '0', ...args], { env: { NO_PROXY: '*' } });
  const { code } = await child.exit;
  return { code, stdout: child.stdout(), stderr: child.stderr() };
}

describeUnless(whyNoTool('curl'))('the smoke test', () => {
  it('finds a service well whose page is there and nothing else, and says what it asked', async () => {
    const url = await serve(WELL);

    const { code, stdout, stderr } = await smokeTest(url);

    expect(stdout).toContain(`smoke-test: ok: the page of ${url}/ is "200 hello world"\n`);
    for (const path of ['/metrics', '/admin/flags', '/readyz', '/livez'])
      expect(stdout).toContain(`smoke-test: ok: the status of ${url}${path} is "404"\n`);
    expect(stdout).toContain(`smoke-test: ${url} is as it should be`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it.each(['/metrics', '/admin/flags', '/readyz', '/livez'])('fails where %s is public', async (path) => {
    const url = await serve({ ...WELL, [path]: 'ready' });

    const { code, stdout, stderr } = await smokeTest(url);

    expect(stdout).toContain(`ok: the page of ${url}/`);
    expect(stderr).toContain(`smoke-test: failed: the status of ${url}${path} is "200", not "404"\n`);
    expect(code).toBe(1);
  });

  it('fails where the page is another one, and shows it', async () => {
    const { code, stderr } = await smokeTest(await serve({ '/': 'welcome\nto nginx' }));

    expect(stderr).toContain('is "200 welcome to nginx", not "200 hello world"');
    expect(code).toBe(1);
  });

  it('fails where nobody answers, and says why', async () => {
    const url = await serve(WELL);
    const [server] = servers.splice(0);
    await new Promise((resolve) => server?.close(resolve));

    const { code, stderr } = await smokeTest(url);

    expect(stderr).toMatch(/the page of \S+ is "no answer: curl: .*[Cc]onnect/);
    expect(code).toBe(1);
  });

  it('asks again until the deadline', async () => {
    const url = await serve((asked) => (asked > 2 ? WELL : { '/': 'starting' }));

    const { code, stdout } = await smokeTest('--deadline', '60', url);

    expect(stdout).toContain('is "200 hello world"');
    expect(code).toBe(0);
  });

  it('finds the version where metrics are answered', async () => {
    const [url, management] = [await serve(WELL), await serve({ '/metrics': METRICS })];

    const found = await smokeTest('--version', '1.2.3', '--management', management, url);
    const missed = await smokeTest('--version', '1.2.4', '--management', management, url);

    expect(found.stdout).toContain(`ok: the version of ${management}/metrics is "1.2.3"`);
    expect(found.code).toBe(0);
    expect(missed.stderr).toContain('is "1.2.3", not "1.2.4"');
    expect(missed.code).toBe(1);
  });

  it.each([
    [[], 'a URL without a path is needed'],
    [['https://a.example/path'], 'a URL without a path is needed'],
    [['https://a.example', 'https://b.example'], 'one URL'],
    [['--deadline'], '--deadline needs a value'],
    [['--deadline', 'soon', 'https://a.example'], "--deadline is 'soon'"],
    [['--cacert', '/nowhere', 'https://a.example'], '--cacert /nowhere cannot be read'],
    [['--version', '1', 'https://a.example'], '--version needs --management'],
    [['--insecure', 'yes', 'https://a.example'], 'there is no option --insecure'],
  ])('refuses to be called with %j', async (args, message) => {
    const { code, stderr } = await smokeTest(...args);

    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  describe('by TLS', () => {
    itUnless(whyNoTool('openssl'))('holds the certificate to the name and to the CA that it is told', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'smoke-test-'));
      try {
        const certificate = makeCertificate(folder);
        const key = readFileSync(join(folder, 'key'));
        const server = createTlsServer(
          { key, cert: readFileSync(certificate) },
          answering(() => WELL),
        );
        const port = await listen(server);
        const connect = ['--connect-to', `${HOST}:443:127.0.0.1:${port}`];
        const elsewhere = ['--connect-to', `other.example:443:127.0.0.1:${port}`];

        const trusted = await smokeTest('--cacert', certificate, ...connect, `https://${HOST}`);
        const unknown = await smokeTest(...connect, `https://${HOST}`);
        const misnamed = await smokeTest('--cacert', certificate, ...elsewhere, 'https://other.example');

        expect(trusted).toMatchObject({ code: 0, stderr: '' });
        expect(unknown.stderr).toContain('certificate');
        expect(unknown.code).toBe(1);
        expect(misnamed.stderr).toContain('other.example');
        expect(misnamed.code).toBe(1);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
});

/** @returns its path; its key is beside it */
function makeCertificate(folder: string): string {
  const certificate = join(folder, 'certificate');
  const names = `subjectAltName=DNS:${HOST}`;
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const files = ['-keyout', join(folder, 'key'), '-out', certificate];
  const { status } = spawnSync('openssl', [
    'req',
    '-x509',
    ...algorithm,
    '-subj',
    '/CN=test',
    '-addext',
    names,
    ...files,
  ]);
  if (status !== 0) throw new Error('openssl made no certificate');
  return certificate;
}
