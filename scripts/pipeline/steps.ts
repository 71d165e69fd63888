/** What the pipeline does, as a desk runs it. A test holds the gates to .github/workflows/gates.yml, step by step. */
export interface Step {
  /** The job of gates.yml that it is a step of; those of other lists name what they stand for. */
  readonly job: string;
  readonly id: string;
  /** To the letter what the workflow runs; variables come from its environment. */
  readonly run: string;
  /** Another environment than that of every step. */
  readonly env?: Readonly<Record<string, string>>;
  /** A step without which this one cannot be. */
  readonly needs?: string;
  /** It takes minutes: left out by `--quick`. */
  readonly long?: true;
  /** What there has to be on a desk, or it is skipped. */
  readonly wants?: 'cosign' | 'registry' | 'kind' | 'cluster';
  /** What it is to say, where that is more than that it is well. */
  readonly says?: RegExp;
}

const EPHEMERAL = { COSIGN_PUBLIC_KEY: 'out/ephemeral.pub', COSIGN_KEY: '' } as const;
const DESK_REGISTRY = 'localhost:5000/hello-world';

/** Everything that has to hold before anything is pushed. */
export const GATES: readonly Step[] = [
  { job: 'static', id: 'types', run: 'npm run check:types' },
  { job: 'static', id: 'lint', run: 'npm run check:lint' },
  { job: 'static', id: 'format', run: 'npm run check:format' },
  { job: 'static', id: 'boundaries', run: 'npm run check:boundaries' },
  { job: 'static', id: 'unused', run: 'npm run check:unused' },
  { job: 'static', id: 'generated', run: 'npm run check:generated' },
  { job: 'sast', id: 'sast', run: 'scripts/ci/sast.sh' },
  { job: 'dependencies', id: 'exceptions', run: 'node scripts/ci/exceptions.ts' },
  { job: 'dependencies', id: 'audit', run: 'node scripts/ci/audit.ts' },
  { job: 'dependencies', id: 'licences', run: 'node scripts/ci/licences.ts' },
  { job: 'dependencies', id: 'osv', run: 'scripts/ci/osv.sh' },
  { job: 'secrets', id: 'secrets', run: 'scripts/ci/secrets.sh' },
  { job: 'trivy', id: 'trivy-fs', run: 'scripts/ci/trivy.sh fs' },
  { job: 'trivy', id: 'trivy-config', run: 'scripts/ci/trivy.sh config' },
  { job: 'workflows', id: 'workflows', run: 'scripts/ci/workflows.sh' },
  { job: 'workflows', id: 'pipeline', run: 'npm run check:pipeline', long: true },
  { job: 'platform-files', id: 'check-image', run: 'npm run check:image' },
  { job: 'platform-files', id: 'check-deploy', run: 'npm run check:deploy', long: true },
  { job: 'platform-files', id: 'check-monitoring', run: 'npm run check:monitoring', long: true },
  { job: 'test', id: 'test', run: 'npm run test:cov', long: true },
  { job: 'test', id: 'fuzz', run: 'npm run fuzz', long: true },
  { job: 'image', id: 'image', run: 'scripts/ci/image.sh "$TAG"' },
  { job: 'image', id: 'sbom', run: 'node scripts/ci/sbom.ts', needs: 'image' },
  { job: 'image-scan', id: 'trivy-image', run: 'scripts/ci/trivy.sh image', needs: 'image' },
  { job: 'integration', id: 'load', run: 'scripts/ci/load-image.sh', needs: 'image' },
  { job: 'integration', id: 'integration', run: 'scripts/ci/integration.sh', needs: 'load' },
  { job: 'integration', id: 'zap', run: 'scripts/ci/zap.sh', needs: 'load' },
  { job: 'image-tests', id: 'load', run: 'scripts/ci/load-image.sh', needs: 'image' },
  { job: 'image-tests', id: 'test-image', run: 'npm run test:image', needs: 'load', long: true },
  { job: 'image-tests', id: 'test-compose', run: 'npm run test:compose', needs: 'load', long: true },
  { job: 'alerts', id: 'load', run: 'scripts/ci/load-image.sh', needs: 'image' },
  { job: 'alerts', id: 'test-alerts', run: 'npm run test:alerts', needs: 'load', long: true },
  { job: 'cluster', id: 'load', run: 'scripts/ci/load-image.sh', needs: 'image' },
  { job: 'cluster', id: 'cluster', run: 'scripts/kind-cluster.sh up', needs: 'load', long: true, wants: 'kind' },
  { job: 'cluster', id: 'test-cluster', run: 'npm run test:cluster', needs: 'load', long: true, wants: 'cluster' },
  { job: 'signing', id: 'sign', run: 'scripts/ci/sign.sh --ephemeral', needs: 'sbom', wants: 'cosign', env: EPHEMERAL },
  {
    job: 'signing',
    id: 'push',
    run: `scripts/ci/push.sh ${DESK_REGISTRY}`,
    needs: 'sign',
    wants: 'registry',
    env: EPHEMERAL,
  },
  {
    job: 'signing',
    id: 'sign-image',
    run: 'scripts/ci/sign.sh --ephemeral "$IMAGE"',
    needs: 'push',
    wants: 'registry',
    env: EPHEMERAL,
  },
  {
    job: 'signing',
    id: 'verify',
    run: 'scripts/ci/verify.sh "$IMAGE"',
    needs: 'sign-image',
    wants: 'registry',
    env: EPHEMERAL,
  },
  {
    job: 'signing',
    id: 'tag',
    run: `scripts/ci/push.sh ${DESK_REGISTRY} "$TAG"`,
    needs: 'verify',
    wants: 'registry',
    env: EPHEMERAL,
  },
];

/** Only on a desk: what the tests of the pipeline see on a runner. */
export const HAND_OVERS: readonly Step[] = [
  {
    job: 'desk',
    id: 'hand-overs',
    run: `scripts/ci/hand-overs.sh ${DESK_REGISTRY} "$TAG"`,
    needs: 'tag',
    wants: 'registry',
    env: EPHEMERAL,
  },
];

/** What a push to main adds, with a key in place of the workflow's identity and repositories of this desk for GitOps. */
export const MAIN: readonly Step[] = [
  { job: 'publish', id: 'publish/sign', run: 'scripts/ci/sign.sh', needs: 'sbom', wants: 'cosign' },
  {
    job: 'publish',
    id: 'publish/push',
    run: 'scripts/ci/push.sh "$REPOSITORY"',
    needs: 'publish/sign',
    wants: 'registry',
  },
  {
    job: 'publish',
    id: 'publish/sign-image',
    run: 'scripts/ci/sign.sh "$REFERENCE"',
    needs: 'publish/push',
    wants: 'registry',
  },
  {
    job: 'publish',
    id: 'publish/verify',
    run: 'scripts/ci/verify.sh "$REFERENCE"',
    needs: 'publish/sign-image',
    wants: 'registry',
  },
  {
    job: 'publish',
    id: 'publish/tag',
    run: 'scripts/ci/push.sh "$REPOSITORY" "$TAG" latest',
    needs: 'publish/verify',
    wants: 'registry',
  },
  {
    job: 'deploy-non-prod',
    id: 'non-prod/gate',
    run: 'scripts/ci/gate-signed.sh "$REFERENCE"',
    needs: 'publish/tag',
    wants: 'registry',
  },
  {
    job: 'deploy-non-prod',
    id: 'non-prod/turn',
    run: `${setDigest('non-prod', 'a')} --check`,
    needs: 'non-prod/gate',
    says: /may be proposed/,
  },
  { job: 'deploy-non-prod', id: 'non-prod/rules', run: 'scripts/ci/rules.sh' },
  { job: 'deploy-non-prod', id: 'non-prod/migrate', run: 'scripts/ci/migrate.sh "$REFERENCE"', needs: 'non-prod/turn' },
  {
    job: 'deploy-non-prod',
    id: 'non-prod/option-a',
    run: setDigest('non-prod', 'a'),
    needs: 'non-prod/gate',
    says: /is pushed/,
  },
  {
    job: 'deploy-non-prod',
    id: 'non-prod/option-a-again',
    run: setDigest('non-prod', 'a'),
    needs: 'non-prod/option-a',
    says: /is as it was/,
  },
  {
    job: 'deploy-non-prod',
    id: 'non-prod/option-b',
    run: setDigest('non-prod', 'b'),
    needs: 'non-prod/gate',
    says: /is pushed/,
  },
  {
    job: 'deploy-non-prod',
    id: 'non-prod/option-b-again',
    run: setDigest('non-prod', 'b'),
    needs: 'non-prod/option-b',
    says: /is as it was/,
  },
  {
    job: 'deploy-non-prod',
    id: 'non-prod/rollout',
    run: 'scripts/ci/rollout.sh non-prod "$DIGEST"',
    needs: 'non-prod/gate',
  },
  { job: 'notify', id: 'notify', run: 'scripts/ci/notify.sh' },
];

/** What a tag release/X.Y.Z does, after main. */
export const RELEASE: readonly Step[] = [
  {
    job: 'promote',
    id: 'promote',
    run: 'REVISION="$COMMIT" scripts/ci/promote.sh "$RELEASE"',
    needs: 'publish/tag',
    wants: 'registry',
  },
  {
    job: 'propose-prod',
    id: 'prod/gate',
    run: 'scripts/ci/gate-signed.sh "$REFERENCE"',
    needs: 'promote',
    wants: 'registry',
  },
  { job: 'propose-prod', id: 'prod/option-a', run: setDigest('prod', 'a'), needs: 'prod/gate', says: /is pushed/ },
];

function setDigest(environment: string, option: 'a' | 'b'): string {
  const release =
    environment === 'prod'
      ? '--tag "$VERSION" --digest "$DIGEST" --chart-digest "$CHART_DIGEST"'
      : '--tag "$TAG" --digest "$DIGEST"';
  const remote = option === 'a' ? 'GITOPS_REMOTE="$REMOTE_A"' : 'GITOPS_REMOTE="$REMOTE_B"';
  const repository = option === 'a' ? '' : ' --repository "$REPOSITORY"';
  return `${remote} node scripts/ci/set-digest.ts ${environment} ${release} --option ${option}${repository}`;
}
