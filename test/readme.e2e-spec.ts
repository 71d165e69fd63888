import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from './support/app.js';
import { startPostgres, type TestPostgres } from './support/embedded-postgres.js';

const root = resolve(import.meta.dirname, '..');
const run = promisify(execFile);

/** Commands of the README that this file cannot run, and what does. */
const RUN_ELSEWHERE: Readonly<Record<string, string>> = {
  'npm ci': '.ci/run',
  'npm start': 'test/start.e2e-spec.ts',
  'npm run build': '.ci/run',
  'npm run start:prod': 'test/process.e2e-spec.ts',
  'npm test': '.ci/run',
  'npm run check': '.ci/run',
  'npm run fix': '.ci/run',
  'docker compose up --build': '.ci/run',
  'docker compose --profile core up --build': 'test/compose/lifecycle.spec.ts',
  'docker compose --profile headless up --build': '.ci/run',
  'docker compose down -v': '.ci/run',
  'npm run image': '.ci/run',
  'docker run --rm hello-world:local dist/apps/hello-world/src/main.js --print-config': '.ci/run',
  'promtool check rules monitoring/prometheus-rules.yaml': 'test/monitoring/rules.spec.ts',
  'promtool test rules monitoring/tests/*.test.yaml': 'test/monitoring/rules.spec.ts',
  'kubectl apply -f monitoring/prometheus-rule.yaml': 'test/monitoring/rules-copies.spec.ts',
  'helm upgrade --install hello-world ./deploy/helm/hello-world --namespace hello-world --create-namespace --set image.repository=<registry>/hello-world --set image.tag=<version>':
    'test/cluster/01-install.spec.ts',
  'helm test hello-world --namespace hello-world': 'test/cluster/01-install.spec.ts',
  'kustomize build deploy/flux/non-prod': 'test/support/flux.ts',
};

/** Every line of every `sh` block. */
function commandsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^ *```sh\n(.*?)^ *```$/gms)].flatMap(([, block = '']) =>
    block
      .trim()
      .split('\n')
      .map((line) => line.trim()),
  );
}

describe('README', () => {
  let commands: string[];
  let service: TestApp;
  let postgres: TestPostgres;
  let databaseUrl: string;

  beforeAll(async () => {
    commands = commandsOf(await readFile(join(root, 'README.md'), 'utf8'));
    service = await startTestApp({ ENABLE_METRICS: 'true', ADMIN_FLAGS_ENABLED: 'true' });
    postgres = await startPostgres();
    databaseUrl = await postgres.createDatabase();
  }, 60_000);

  afterAll(async () => {
    await service.close();
    await postgres.remove();
  });

  /** Runs a command as a reader would, but for the address of the service and the database. */
  async function output(command: string): Promise<string> {
    const here = command
      .replace('http://localhost:8080', service.url)
      .replace(/^curl /, 'curl --silent --fail-with-body ');
    const { stdout } = await run('sh', ['-c', here], { cwd: root, env: { ...process.env, DATABASE_URL: databaseUrl } });
    return stdout;
  }

  it.each([
    ['curl http://localhost:8080/', /^hello world$/],
    ["curl 'http://localhost:8080/readyz?verbose'", /"status":"ok"/],
    ['curl http://localhost:8080/metrics', /^http_requests_total\{/m],
    ['curl http://localhost:8080/admin/flags', /"defaults":/],
    ["curl -X POST 'http://localhost:8080/admin/flags?tracing=true'", /^\{"overrides":\{"tracing":true\}\}$/],
    ['npm run start:prod -- --print-config', /"DATABASE_URL": "\*{8}"/],
    ['npm run migration:show', /\[ \] .*CreateUsers/],
    ['npm run migration:run', /executed successfully/],
    ['npm run migration:revert', /reverted successfully/],
  ])('%s does what it says', async (command, expected) => {
    expect(commands).toContain(command);

    expect(await output(command)).toMatch(expected);
  });

  it('has no command that nothing runs', async () => {
    const source = await readFile(import.meta.filename, 'utf8');
    const unknown = commands.filter(
      (command) =>
        !(command in RUN_ELSEWHERE) && !source.includes(`['${command}',`) && !source.includes(`["${command}",`),
    );

    expect(unknown).toEqual([]);
  });

  it.each(Object.entries(RUN_ELSEWHERE))('%s is run by %s', async (command, file) => {
    const text = await readFile(join(root, file), 'utf8');

    // `npm test` and `npm start` have longer forms; the launcher and the build are started without npm in tests.
    const forms: Record<string, RegExp> = {
      'npm start': /startLauncher|launcher/,
      'npm run start:prod': /dist\/apps\/hello-world\/src\/main\.js|service-process/,
      'npm test': /npm (test|run test:cov)\b/,
      'docker compose up --build': /docker compose .*up --build/,
      'docker compose --profile core up --build': /profile: 'core'/,
      'docker compose --profile headless up --build': /docker compose --profile headless up --build/,
      'promtool check rules monitoring/prometheus-rules.yaml': /'check', 'rules'/,
      'promtool test rules monitoring/tests/*.test.yaml': /'test', 'rules'/,
      'kubectl apply -f monitoring/prometheus-rule.yaml': /prometheus-rule\.yaml/,
      'helm test hello-world --namespace hello-world': /helm test/,
      'kustomize build deploy/flux/non-prod': /'kustomize', \['build'/,
    };
    const form = command.startsWith('helm upgrade --install') ? /--create-namespace/ : forms[command];
    expect(text).toMatch(form ?? new RegExp(`\\b${command}\\b`));
  });

  it('leads to no file that is not there', async () => {
    const markdown = await readFile(join(root, 'README.md'), 'utf8');
    const links = [...markdown.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);

    const missing = await Promise.all(
      links.map(async (link) =>
        readFile(join(root, link))
          .then(() => undefined)
          .catch(() => link),
      ),
    );

    expect(missing.filter((link) => link !== undefined)).toEqual([]);
  });
});
