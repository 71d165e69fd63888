import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres } from './support/embedded-postgres.js';
import { eventually } from './support/eventually.js';
import {
  type DataFolder,
  type Launched,
  makeDataFolder,
  query,
  ROOT,
  ready,
  startLauncher,
} from './support/launcher.js';
import { answers, isListening, isRunning, startProcess } from './support/process.js';
import { itUnless } from './support/unless.js';

const NOBODY = 65534;
/** The service refuses this, so a launcher only makes the database and ends. */
const REFUSED = { LOG_LEVEL: 'loud' };
const isRoot = process.geteuid?.() === 0;

/** A database folder that nobody uses: making one takes longer than a copy. */
let template: DataFolder;
let folder: DataFolder;
let data: string;

beforeAll(async () => {
  template = makeDataFolder();
  await startLauncher(template.path, REFUSED).exit;
});

afterAll(() => template.remove());

beforeEach(() => {
  folder = makeDataFolder();
  data = folder.path;
});

afterEach(() => folder.remove());

/** No process, no port, no lock: the launcher has written down nothing for a next one. */
async function expectNothingLeft({ servicePid, postgresPid, port }: Launched): Promise<void> {
  expect({
    service: isRunning(servicePid),
    postgres: isRunning(postgresPid),
    port: await isListening(port),
    files: readdirSync(data).toSorted(),
  }).toEqual({ service: false, postgres: false, port: false, files: ['launcher.lock', 'postgres'] });
}

/** With `cp`, which keeps the owner. */
function copyDatabase(): void {
  execFileSync('cp', ['-a', join(template.path, 'postgres'), data]);
}

/** Starts a launcher that must fail. @returns what it says */
async function failure(env: NodeJS.ProcessEnv = {}, folder = data): Promise<string> {
  const launcher = startLauncher(folder, env);
  const end = await launcher.exit;
  expect(end).toEqual({ code: 1, signal: null });
  expect(launcher.stdout()).toBe('');
  return launcher.stderr().replace(/^start: (?:building|making a database).*\n/gm, '');
}

describe('the launcher', () => {
  it('serves, stops without a trace on SIGTERM, and finds its data again at the next start', async () => {
    const first = startLauncher(data);
    const launched = await ready(first, data);
    const greeting = await answers(`${launched.url}/`);
    const readiness = await answers(`${launched.url}/readyz`);
    await query(first, data, `INSERT INTO users (email, name) VALUES ('ada@example.com', 'Ada')`);
    first.kill('SIGTERM');
    const end = await first.exit;

    expect([greeting, readiness]).toEqual(['hello world', 'ready']);
    expect(end).toEqual({ code: 0, signal: null });
    await expectNothingLeft(launched);
    for (const line of first.stdout().trim().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow();

    const second = startLauncher(data);
    await ready(second, data);

    expect(await query(second, data, 'SELECT name FROM users')).toEqual([{ name: 'Ada' }]);
    expect(second.stderr()).not.toContain('making a database');
  });

  it('of two started at once, lets one run and tells the other who does', async () => {
    copyDatabase();
    const launchers = [startLauncher(data), startLauncher(data)];
    const loser = await Promise.race(launchers.map(async (launcher) => (await launcher.exit, launcher)));
    const winner = launchers.find((launcher) => launcher !== loser) ?? loser;
    const { url } = await ready(winner, data);

    expect(await loser.exit).toEqual({ code: 1, signal: null });
    expect(loser.stderr()).toBe(
      `start: It is already running from this folder (pid ${winner.pid}): use that one, or stop it first.\n`,
    );
    expect(await answers(`${url}/`)).toBe('hello world');
  });

  it('of a service that crashes, stops the database and passes the exit code on', async () => {
    copyDatabase();
    const launcher = startLauncher(data);
    const launched = await ready(launcher, data);

    process.kill(launched.servicePid, 'SIGKILL');

    expect(await launcher.exit).toEqual({ code: 137, signal: null });
    expect(launcher.stderr()).toContain('the service ended by itself with code 137');
    await expectNothingLeft(launched);
  });

  it('of a service that refuses its environment, passes the exit code on', async () => {
    copyDatabase();
    const launcher = startLauncher(data, REFUSED);

    expect(await launcher.exit).toEqual({ code: 78, signal: null });
    expect(launcher.stdout()).toContain('LOG_LEVEL');
  });

  it('of a database that dies, stops the service and fails', async () => {
    copyDatabase();
    const launcher = startLauncher(data);
    const launched = await ready(launcher, data);

    process.kill(launched.postgresPid, 'SIGKILL');

    expect(await launcher.exit).toEqual({ code: 1, signal: null });
    expect(launcher.stderr()).toContain('Postgres ended by itself, so the service was stopped');
    await expectNothingLeft(launched);
  });

  it('ends a service that hangs when it is asked a second time', async () => {
    copyDatabase();
    const launcher = startLauncher(data);
    const launched = await ready(launcher, data);
    process.kill(launched.servicePid, 'SIGSTOP');

    launcher.kill('SIGINT');
    // Only while there is a service to end: a signal that comes when all is done ends the launcher as any process.
    const again = setInterval(() => isRunning(launched.servicePid) && launcher.kill('SIGINT'), 200);
    const end = await launcher.exit;
    clearInterval(again);

    expect(end).toEqual({ code: 137, signal: null });
    await expectNothingLeft(launched);
  });

  it('after it was killed, is cleaned up behind by the next one, which finds the data', async () => {
    copyDatabase();
    const killed = startLauncher(data);
    const orphans = await ready(killed, data);
    await query(killed, data, `INSERT INTO users (email, name) VALUES ('ada@example.com', 'Ada')`);
    killed.kill('SIGKILL');
    await eventually('the launcher is gone', () => !isRunning(killed.pid));
    const orphansRan = [orphans.servicePid, orphans.postgresPid].map(isRunning);

    const next = startLauncher(data, { PORT: String(orphans.port) });
    const launched = await ready(next, data);

    expect(orphansRan).toEqual([true, true]);
    expect([orphans.servicePid, orphans.postgresPid].map(isRunning)).toEqual([false, false]);
    expect(launched.port).toBe(orphans.port);
    expect(await query(next, data, 'SELECT name FROM users')).toEqual([{ name: 'Ada' }]);
  });

  it('killed by a test that is killed in turn, leaves nothing either', async () => {
    copyDatabase();
    const launcher = startLauncher(data);
    const launched = await ready(launcher, data);
    const guarding = `const { guardFolder } = await import('./test/support/guard.ts');
      guardFolder(${JSON.stringify(data)});
      console.log('guards');
      setInterval(() => {}, 1_000);`;
    const test = startProcess(process.execPath, ['--input-type=module', '--eval', guarding], { cwd: ROOT });
    await test.output(/guards/);

    launcher.kill('SIGKILL');
    test.kill('SIGKILL');

    await eventually('the guard has cleaned up', () => !existsSync(data));
    expect([launched.servicePid, launched.postgresPid].map(isRunning)).toEqual([false, false]);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'interrupted by %s while it makes the database, leaves nothing by halves',
    async (signal) => {
      const interrupted = startLauncher(data);
      await interrupted.output(/making a database/);
      interrupted.kill(signal);
      const end = await interrupted.exit;
      const hasDatabase = existsSync(join(data, 'postgres'));

      const next = startLauncher(data);
      await ready(next, data);

      expect(end).toEqual(signal === 'SIGTERM' ? { code: 0, signal: null } : { code: null, signal });
      expect(hasDatabase).toBe(false);
      expect(readdirSync(data).toSorted()).toEqual(['launcher.json', 'launcher.lock', 'postgres']);
    },
  );

  it('uses a database given from outside and starts none', async () => {
    const postgres = await startPostgres();
    try {
      const launcher = startLauncher(data, { DATABASE_URL: await postgres.createDatabase() });
      const [url] = await launcher.output(/http:\/\/localhost:\d+/);

      expect(await answers(`${url}/readyz`)).toBe('ready');
      expect(existsSync(join(data, 'postgres'))).toBe(false);
    } finally {
      await postgres.remove();
    }
  });

  it('started by npm, leaves nothing when npm is ended', async () => {
    copyDatabase();
    const npm = startProcess('npm', ['start'], { cwd: ROOT, env: { LOCAL_DATA_DIR: data, PORT: '0' } });
    const launched = await ready(npm, data);

    npm.kill('SIGTERM');
    await eventually('the launcher cleans up', () => !existsSync(join(data, 'launcher.json')));

    await expectNothingLeft(launched);
  });
});

describe('a launcher that cannot start says why in one sentence and fails', () => {
  it.each(['127.0.0.1', undefined])('when its port is taken, before it does anything heavy (host %s)', async (host) => {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;

    const sentence = await failure({ PORT: String(port) });
    server.close();

    expect(sentence).toBe(
      `start: Port ${port} is taken by another program: end that, or choose another port with PORT.\n`,
    );
    expect(existsSync(join(data, 'postgres'))).toBe(false);
  });

  it.each([{ PORT: 'abc' }, { HOST: 'a b' }])('when the service refuses its configuration (%j)', async (env) => {
    copyDatabase();
    const launcher = startProcess(process.execPath, ['scripts/start.ts'], {
      cwd: ROOT,
      env: { LOCAL_DATA_DIR: data, ...env },
    });

    const { code } = await launcher.exit;

    expect(code).toBe(78);
    expect(launcher.stdout()).toContain(`"problems":[{"key":"${Object.keys(env)[0]}"`);
    expect(launcher.stderr()).not.toMatch(/^ +at /m);
    expect(existsSync(join(data, 'postgres', 'postmaster.pid'))).toBe(false);
  });

  describe('when the data folder is broken', () => {
    beforeEach(copyDatabase);

    it('by data of another version', async () => {
      writeFileSync(join(data, 'postgres', 'PG_VERSION'), '16\n');

      expect(await failure()).toMatch(
        /^start: .* holds the data of Postgres 16, and this is Postgres 18\S*\. Delete .*postgres to start afresh\.\n$/,
      );
    });

    it.each(['global/pg_control', 'PG_VERSION', 'superuser.password', 'global/1262'])('by a lost %s', async (file) => {
      rmSync(join(data, 'postgres', file));

      expect(await failure()).toMatch(
        /^start: The data folder is broken \(.*\)\. Delete .*postgres to start afresh\.\n$/,
      );
    });

    it('but not by the lock file of a server that is gone, whose pid is another process by now', async () => {
      const { uid, gid } = statSync(join(data, 'postgres'));
      const other = startProcess('sleep', ['60'], isRoot ? { uid, gid } : {});
      writeFileSync(
        join(data, 'postgres', 'postmaster.pid'),
        `${other.pid}\n${join(data, 'postgres')}\n1\n5432\n\n127.0.0.1\n`,
      );

      await ready(startLauncher(data), data);

      expect(isRunning(other.pid)).toBe(true);
    });
  });

  it.each(['launcher.json', 'postgres/postmaster.pid'])('when a folder lies where %s should be', async (name) => {
    mkdirSync(join(data, name), { recursive: true });

    expect(await failure()).toMatch(/^start: The data folder is broken \(EISDIR.*\)\. Delete .* to start afresh\.\n$/);
  });

  it('when something else lies where the data folder should be', async () => {
    writeFileSync(join(data, 'postgres'), '');

    expect(await failure()).toMatch(/^start: The data folder is broken \(ENOTDIR.*\)\. Delete .* to start afresh\.\n$/);
  });

  const noMount = canMount() ? undefined : 'needs the right to mount a small disk';
  itUnless(noMount)('when the disk is full', async () => {
    const disk = join(data, 'disk');
    mountSmallDisk(disk);
    try {
      expect(await failure({}, disk)).toBe(
        `start: The disk that holds ${disk}/postgres is full: make room and start again.\n`,
      );
      expect(readdirSync(disk)).toEqual(['launcher.lock']);
    } finally {
      spawnSync('umount', [disk]);
    }
  });

  const noOtherUser = !isRoot
    ? 'needs root'
    : hiddenFrom(NOBODY)
      ? 'the checkout lies where others may not look'
      : undefined;
  itUnless(noOtherUser)('when the data belongs to another user', async () => {
    chmodSync(data, 0o755);
    const launcher = startLauncher(data, {}, { uid: NOBODY, gid: NOBODY });

    expect(await launcher.exit).toEqual({ code: 1, signal: null });
    expect(launcher.stderr()).toMatch(
      /^start: .*launcher\.lock cannot be locked \(.*\): may this user write there\?\n$/,
    );
  });

  it('when Node is too old', async () => {
    const pretend = `Object.defineProperty(process,'versions',{value:{node:'20.20.2'}})`;
    const args = ['--import', `data:text/javascript,${pretend}`, 'scripts/start.ts'];
    const launcher = startProcess(process.execPath, args, { cwd: ROOT, env: { LOCAL_DATA_DIR: data } });

    expect(await launcher.exit).toEqual({ code: 1, signal: null });
    expect(launcher.stderr()).toMatch(/^This needs Node 26 or newer, and this is .*\n$/);
  });
});

describe('the launcher of an ordinary user', () => {
  const reason = !isRoot
    ? 'the tests themselves run as one'
    : hiddenFrom(NOBODY)
      ? 'the checkout lies where others may not look'
      : undefined;

  itUnless(reason)('serves from a database of that user', async () => {
    spawnSync('chown', [String(NOBODY), data]);
    const launcher = startLauncher(data, {}, { uid: NOBODY, gid: NOBODY });
    const launched = await ready(launcher, data);
    const greeting = await answers(`${launched.url}/`);
    launcher.kill('SIGTERM');

    expect(await launcher.exit).toEqual({ code: 0, signal: null });
    expect(greeting).toBe('hello world');
    expect(statSync(join(data, 'postgres')).uid).toBe(NOBODY);
    await expectNothingLeft(launched);
  });
});

describe('the launcher on a terminal', () => {
  // The `script` of util-linux makes the terminal; the one of macOS takes other arguments.
  const reason =
    process.platform === 'linux' && spawnSync('script', ['--version']).status === 0 ? undefined : 'needs script(1)';

  itUnless(reason)('shows what it does, ends with the addresses, and stops at Ctrl-C', async () => {
    const args = ['-qec', `exec '${process.execPath}' scripts/start.ts`, '/dev/null'];
    const terminal = startProcess('script', args, {
      cwd: ROOT,
      env: { LOCAL_DATA_DIR: data, PORT: '0', SHELL: '/bin/sh' },
    });
    const launched = await ready(terminal, data);

    terminal.write('\x03');

    expect(await terminal.exit).toEqual({ code: 0, signal: null });
    expect(terminal.stdout()).not.toContain('{"level"');
    expect(terminal.stdout()).toMatch(
      /making a database[^]*Postgres listens[^]*\/readyz[^]*\/metrics[^]*\/admin\/flags/,
    );
    await expectNothingLeft(launched);
  });
});

function canMount(): boolean {
  if (!isRoot || process.platform !== 'linux') return false;
  const folder = mkdtempSync(join(tmpdir(), 'hello-world-mount-'));
  const isMounted = mountSmallDisk(folder);
  if (isMounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return isMounted;
}

/** Too small for a database. */
function mountSmallDisk(folder: string): boolean {
  return spawnSync('sh', ['-c', 'mkdir -p "$1" && mount -t tmpfs -o size=8m none "$1"', 'sh', folder]).status === 0;
}

/** Whether a folder above the checkout may only be entered by its owner. */
function hiddenFrom(uid: number): boolean {
  const test = 'require("node:fs").accessSync(process.argv[1])';
  return spawnSync(process.execPath, ['-e', test, ROOT], { uid, gid: uid, cwd: '/' }).status !== 0;
}
