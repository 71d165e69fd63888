import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { freePort } from '../../scripts/local/ports.ts';
import { type Outcome, PATIENCE_MS, type Pod, tryBash, whyNoCluster } from '../support/cluster.js';
import { ClusterEnvironment } from '../support/cluster-environment.js';
import { clusterImages, imageReference } from '../support/cluster-images.js';
import { helmAs, kubectlAs, OPERATOR } from '../support/cluster-people.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

jest.setTimeout(PATIENCE_MS);

const READY_WITHIN_MS = 180_000;

const RUNBOOKS = join(import.meta.dirname, '../../monitoring/runbooks');
const PAGES = readdirSync(RUNBOOKS)
  .filter((file) => file.startsWith('HelloWorld'))
  .map((file) => readFileSync(join(RUNBOOKS, file), 'utf8'));

/** Blocks of shell, those in lists too. */
const BLOCKS = PAGES.flatMap((page) =>
  Array.from(page.matchAll(/^ *```sh\n([^]*?)^ *```$/gm), ([, block = '']) => block),
);
/** The first block of a diagnosis in a cluster, alike on every page. */
const SHELL = BLOCKS.find((block) => block.includes('ask()') && block.includes('kubectl')) ?? '';
/** What an operator is told to do in the namespace, line by line, each once. */
const COMMANDS = [
  ...new Set(
    [...BLOCKS.filter((block) => block !== SHELL).flatMap((block) => block.split('\n')), ...inlineCode()]
      .map((line) => line.trim())
      .filter((line) => line.startsWith('kubectl -n "$NAMESPACE"')),
  ),
];
/** What changes something, or goes on until it is ended; the rest looks at something. */
const DEEDS = /^kubectl -n "\$NAMESPACE" (debug|delete|patch|port-forward|rollout restart|rollout undo|scale)\b/;

const deed = (verb: string): string => COMMANDS.find((line) => DEEDS.exec(line)?.[1] === verb) ?? `no ${verb}`;

describeUnless(whyNoCluster() ?? whyNoTool('kustomize') ?? whyNoTool('curl'))('13 an operator with a runbook', () => {
  const folder = mkdtempSync(join(tmpdir(), 'operator-'));
  let environment: ClusterEnvironment;
  /** A port of this machine. */
  let port: number;
  /** A pod whose container has ended once. */
  let restarted: string;

  /** Types it into a shell in which `kubectl` is an operator's, after the first block of the page. */
  const type = (script: string): Promise<Outcome> =>
    tryBash(`set +euo pipefail; export PATH='${folder}':"$PATH"\n${shell()}\n${script}`);

  function shell(): string {
    return SHELL.replace('NAMESPACE=hello-world ', `NAMESPACE=${environment.namespace.name} `)
      .replace(/^PORT=\d+/m, 'PORT=9090')
      .replaceAll('8081', String(port));
  }

  const images = async (): Promise<Set<string | undefined>> =>
    new Set((await environment.namespace.servicePods()).map(({ spec }) => spec.containers[0]?.image));
  const rolledOut = () =>
    environment.namespace.kubectl(['rollout', 'status', 'deployment/hello-world', '--timeout=180s']);

  beforeAll(async () => {
    port = await freePort();
    const kubectl = (await tryBash('command -v kubectl')).stdout.trim();
    const flags = kubectlAs(OPERATOR).map((flag) => `'${flag}'`);
    writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\nexec '${kubectl}' ${flags.join(' ')} "$@"\n`, { mode: 0o755 });

    environment = await ClusterEnvironment.create('non-prod', 'runbooks');
    await environment.startDatabase();
    await environment.namespace.install(await environment.installableValues());
    await environment.namespace.install(await environment.installableValues(clusterImages().next));
    await eventually(
      'both are ready',
      async () => (await environment.namespace.readyPods()).length === 2,
      READY_WITHIN_MS,
    );
    restarted = (await environment.namespace.readyPods())[0]!.metadata.name;
    await environment.namespace.kubectl([
      'exec',
      restarted,
      '--',
      '/usr/local/bin/node',
      '-e',
      "process.kill(1, 'SIGTERM')",
    ]);
    await eventually(
      'it was started again',
      async () => {
        const [pod] = await environment.namespace.get<Pod>('pod', restarted);
        return pod?.status.containerStatuses?.[0]?.restartCount === 1 && pod.status.containerStatuses[0].ready;
      },
      READY_WITHIN_MS,
    );
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await environment.delete();
  });

  it('asks a pod, and reads the log of all', async () => {
    const asked = await type("ask '/readyz?verbose'");
    const logs = await type('logs');

    expect(asked.stdout).toContain('"migrations":{');
    expect(logs.stdout.match(/^\[pod\/hello-world-[\w-]+\/hello-world\]/gm)?.length).toBeGreaterThan(2);
    expect(asked.stderr + logs.stderr).not.toMatch(/forbidden|error/i);
  });

  it('looks at all that the pages look at, and is refused nothing', async () => {
    const looks = COMMANDS.filter((line) => !DEEDS.test(line));
    const unknown: string[] = [];

    for (const line of looks) {
      const run = () => type(`POD=${restarted}\n${line}\ntrue`); // `grep` may find nothing.
      // Metrics of a pod are there after a minute.
      let { stderr } = await run();
      if (/top pods/.test(line)) {
        await eventually(
          'the pods are measured',
          async () => !/not available|not found/.test((stderr = (await run()).stderr)),
          READY_WITHIN_MS,
        );
      }
      if (/doesn't have a resource type/.test(stderr)) unknown.push(line);
      else expect([line, stderr]).toEqual([line, expect.not.stringMatching(/forbidden|error/i)]);
    }

    expect(looks.length).toBeGreaterThan(20);
    figure(
      `${looks.length} commands of ${PAGES.length} pages; ${unknown.length} of kinds that this cluster does not have`,
    );
  });

  it('switches a flag by editing its ConfigMap, and no other ConfigMap', async () => {
    const editor = join(folder, 'editor');
    const edits = ['s/"defaultVariant": "off"/"defaultVariant": "on"/', 's/^  a: b/  a: c/'];
    writeFileSync(editor, `#!/bin/sh\nsed -i ${edits.map((edit) => `-e '${edit}'`).join(' ')} "$1"\n`, { mode: 0o755 });
    await environment.namespace.kubectl(['create', 'configmap', 'another', '--from-literal=a=b']);

    const edit = (name: string) =>
      type(`export KUBE_EDITOR='${editor}'\nkubectl -n "$NAMESPACE" edit configmap ${name}`);
    const [flags, another] = [await edit('hello-world-flags'), await edit('another')];

    expect(flags.stdout).toContain('configmap/hello-world-flags edited');
    expect(another.stderr).toMatch(/configmaps "another" .*forbidden/);
  });

  it('takes a profile: a signal from a container that is added, and the port of the debugger', async () => {
    const tools = imageReference(clusterImages().postgres); // It has `kill`, and comes from our registry.
    const { stderr } = await type(`POD=${restarted} TOOLS=${tools}\n${deed('debug')}`);
    const debuggers = await type(
      `POD=${restarted}\n${deed('port-forward').replace(/9229$/, `${port}:9229`)} > /dev/null & \ncurl -s --retry 20 --retry-connrefused --retry-delay 1 http://localhost:${port}/json/version; kill $!`,
    );

    expect(stderr).not.toMatch(/forbidden/i);
    expect(debuggers.stdout).toMatch(/"Browser": "node.js\/v/);
    await type(`POD=${restarted}\n${deed('delete')}`);
    await eventually(
      'it is gone',
      async () => (await environment.namespace.servicePods()).every(({ metadata }) => metadata.name !== restarted),
      READY_WITHIN_MS,
    );
  });

  it('goes back to the release before, starts all pods anew, scales them, and raises the maximum', async () => {
    const before = await images();

    for (const verb of ['rollout undo', 'rollout restart', 'scale', 'patch']) {
      expect([verb, await type(deed(verb))]).toEqual([verb, expect.objectContaining({ ok: true, stderr: '' })]);
      await rolledOut();
    }

    expect(before).toEqual(new Set([imageReference(clusterImages().next)]));
    await eventually(
      'only the release before runs',
      async () => [...(await images())].join() === imageReference(clusterImages().service),
      READY_WITHIN_MS,
    );
    const most = ['get', 'hpa', 'hello-world', '--output=jsonpath={.spec.maxReplicas}'];
    expect(await environment.namespace.kubectl(most)).toBe('12');
  });

  it('has changed what the next release takes over again: Helm says so, and does it where it is told to', async () => {
    const values = await environment.installableValues(clusterImages().next);

    const refused = await environment.namespace.tryInstall(values, { flags: helmAs(environment.reconciler) });
    const forced = await environment.namespace.tryInstall(values, {
      flags: ['--force-conflicts', ...helmAs(environment.reconciler)],
    });

    expect(refused.stderr).toMatch(
      /conflict with "kubectl" using apps\/v1: \.spec\.template\.spec\.containers\[.*\]\.image/,
    );
    expect(forced).toMatchObject({ ok: true });
    expect(await images()).toEqual(new Set([imageReference(clusterImages().next)]));
  });
});

/** Commands within sentences. */
function inlineCode(): string[] {
  return PAGES.flatMap((page) =>
    Array.from(page.replaceAll(/^ *```[^]*?^ *```$/gm, '').matchAll(/`(kubectl[^`]+)`/g), ([, code = '']) =>
      code.replaceAll(/\s+/g, ' '),
    ),
  );
}
