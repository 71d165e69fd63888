/**
 * Secrets without a store, by the commands of docs/how-to/gitops.md and the kustomize-controller of the cluster. What it
 * follows is deploy/flux/non-prod/secrets of a repository of the test's own, under the account of its reconciler; nothing
 * is released. All of it, the GitRepository too, is in a namespace of the test's own.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Namespace, tryBash, tryKubectl, whyNoCluster } from '../support/cluster.js';
import { askFlux, condition, waitFor, waitForRevision, whyNoFluxController } from '../support/cluster-flux.js';
import { Relay } from '../support/cluster-relay.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { FLUX } from '../support/flux.js';
import { GitServer } from '../support/git-server.js';
import { GitOpsRepository } from '../support/gitops-repository.js';
import type { KubeObject } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

const DOCUMENTATION = join(FLUX, '../../docs/how-to/gitops.md');
const ENVIRONMENT = 'hello-world-non-prod';
const KUSTOMIZATION = 'kustomization/hello-world-secrets';
const ENCRYPTED = 'deploy/flux/non-prod/secrets/database.sops.yaml';
const URLS = ['postgres://service:first-one@db:5432/orders', 'postgres://service:second-1@db:5432/orders'];

const DECRYPTED_WITHIN_MS = 180_000;
const TEST_TIMEOUT_MS = 480_000;

const missingTool = ['git', 'kustomize', 'sops', 'age-keygen'].map(whyNoTool).find((reason) => reason !== undefined);

describeUnless(whyNoCluster() ?? missingTool ?? whyNoFluxController())(
  '16 secrets without a store, encrypted in Git by SOPS',
  () => {
    let namespace: Namespace;
    let repository: GitOpsRepository;
    let git: GitServer | undefined;
    let relay: Relay | undefined;

    beforeAll(async () => {
      repository = new GitOpsRepository();
      namespace = await Namespace.create('sops');
      git = await GitServer.start(repository.served);
      relay = await Relay.start(namespace, [git.port]);
      repository.tree.identify('identity', 'gitRepository', repository.url(`http://${relay.host}:${git.port}`));
      for (const file of ['sync.yaml', 'namespace/kustomization.yaml', 'secrets/kustomization.yaml']) {
        repository.tree.edit(`non-prod/${file}`, (text) =>
          text
            .replaceAll(ENVIRONMENT, namespace.name)
            .replaceAll('namespace: flux-system', `namespace: ${namespace.name}`),
        );
      }
    }, TEST_TIMEOUT_MS);

    afterAll(async () => {
      // Before the account that may remove what it has made.
      await tryKubectl(['--namespace', namespace.name, 'delete', KUSTOMIZATION, '--ignore-not-found', '--timeout=60s']);
      await relay?.stop();
      await git?.stop();
      await namespace.delete();
      repository.remove();
    }, TEST_TIMEOUT_MS);

    it(
      'the documented commands → write a Secret into the repository whose value only the key opens',
      async () => {
        expect(await asDocumented(URLS[0]!)).toMatchObject({ ok: true });

        const committed = read(ENCRYPTED);
        const wrongKey = await inRepository(
          'age-keygen -o other.agekey; SOPS_AGE_KEY_FILE=other.agekey sops decrypt deploy/flux/non-prod/secrets/database.sops.yaml',
        );
        expect(committed).toMatch(/^ {2,4}url: ENC\[AES256_GCM,data:.+\]$/m);
        expect(committed).toMatch(/^kind: Secret$/m);
        expect(committed).not.toMatch(/first-one|postgres:/);
        expect(wrongKey.ok).toBe(false);
        expect(existsSync(join(repository.tree.root, 'age.agekey'))).toBe(true);
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'Flux, with the component sops → decrypts it, and makes the Secret that the release names',
      async () => {
        useEncrypted();
        const revision = repository.commit('Secrets by SOPS');
        const began = Date.now();

        await namespace.apply(...steps());
        await delivered(revision);

        // Who types it ends the line; the service does not mind.
        expect((await url()).trim()).toBe(URLS[0]);
        figure(`after ${Math.round((Date.now() - began) / 1_000)} s`);
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'another value, encrypted for the same key → is in the Secret with the next commit',
      async () => {
        expect(await inRepository(encryption(), URLS[1])).toMatchObject({ ok: true });

        const revision = repository.commit('another password');
        await askFlux(namespace.name, `gitrepository/${namespace.name}`);
        await delivered(revision);

        expect((await url()).trim()).toBe(URLS[1]);
      },
      TEST_TIMEOUT_MS,
    );

    it(
      'without the key → Flux says so, and the Secret stays as it was',
      async () => {
        await namespace.kubectl(['delete', 'secret', 'sops-age']);
        await askFlux(namespace.name, KUSTOMIZATION);

        await eventually(
          'it complains',
          async () => (await condition(namespace.name, KUSTOMIZATION, 'Ready'))?.status === 'False',
          DECRYPTED_WITHIN_MS,
        );
        const ready = await condition(namespace.name, KUSTOMIZATION, 'Ready');

        expect(ready?.message).toContain('sops-age');
        expect((await url()).trim()).toBe(URLS[1]);
      },
      TEST_TIMEOUT_MS,
    );

    /** The commands of "Secrets without a store", for the namespace of this test. */
    function documented(): string {
      const [, section = ''] =
        /^## Secrets without a store\n([^]*?)^## /m.exec(readFileSync(DOCUMENTATION, 'utf8')) ?? [];
      const [, block = ''] = /```sh\n([^]*?)```/.exec(section) ?? [];
      return block.replaceAll(ENVIRONMENT, namespace.name);
    }

    /** The last of them, which comes again with another password. */
    function encryption(): string {
      return documented().slice(documented().indexOf('kubectl create secret generic hello-world-database'));
    }

    async function asDocumented(typed: string) {
      return inRepository(documented(), typed);
    }

    /** @param typed what somebody types, with the end of the line */
    async function inRepository(script: string, typed = '') {
      // By a pipe, as a socket cannot be opened by a name.
      return tryBash(`cd '${repository.tree.root}'\ncat | {\n${script}\n}`, { input: `${typed}\n` });
    }

    function read(file: string): string {
      return readFileSync(join(repository.tree.root, file), 'utf8');
    }

    /** What the documentation says beside the commands: which files change. */
    function useEncrypted(): void {
      const { tree } = repository;
      tree.edit('non-prod/secrets/kustomization.yaml', (text) =>
        text.replace('external-secrets.yaml', 'database.sops.yaml').replace(/^replacements:\n[^]*/m, ''),
      );
      tree.edit('non-prod/kustomization.yaml', (text) => text.replace('- ../identity', '- ../identity\n  - ../sops'));
    }

    /** Of what the platform applies: the reconciler, and the step that makes the Secrets. */
    function steps(): KubeObject[] {
      const own = repository.tree.build('non-prod').filter(({ metadata }) => metadata.namespace === namespace.name);
      return own.filter(
        ({ kind, metadata }) =>
          metadata.name === 'hello-world-reconciler' ||
          metadata.name === 'hello-world-secrets' ||
          (kind === 'GitRepository' && metadata.name === namespace.name),
      );
    }

    async function delivered(revision: string): Promise<void> {
      await waitForRevision(namespace.name, 'hello-world-secrets', revision, DECRYPTED_WITHIN_MS);
      await waitFor(namespace.name, KUSTOMIZATION, 'condition=Ready', DECRYPTED_WITHIN_MS);
    }

    async function url(): Promise<string> {
      const [found] = await namespace.get('secret', 'hello-world-database');
      return Buffer.from(found?.data?.['url'] ?? '', 'base64').toString();
    }
  },
);
