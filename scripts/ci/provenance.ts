/**
 * Writes where an image comes from, as the predicate of SLSA provenance 1 (https://slsa.dev/spec/v1.0/provenance) that
 * `cosign attest` signs: `provenance.ts sha256:…`. In a workflow of GitHub from its environment, on a desk from git.
 */
import { execFileSync } from 'node:child_process';

const BUILD_TYPE = 'https://actions.github.io/buildtypes/workflow/v1';

const [digest = ''] = process.argv.slice(2);
if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
  console.error(`provenance: '${digest}' is no digest: provenance.ts sha256:…`);
  process.exit(1);
}

const { env } = process;
const commit = env['GITHUB_SHA'] ?? execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
const server = env['GITHUB_SERVER_URL'] ?? 'https://github.com';
const repository = env['GITHUB_REPOSITORY'];
const source = repository === undefined ? 'git+file:.' : `git+${server}/${repository}`;
const ref = env['GITHUB_REF'];

const predicate = {
  buildDefinition: {
    buildType: BUILD_TYPE,
    externalParameters: {
      workflow: { repository: source.replace(/^git\+/, ''), ref, path: '.github/workflows/ci.yml' },
    },
    internalParameters: {
      github: { event_name: env['GITHUB_EVENT_NAME'], runner_environment: env['RUNNER_ENVIRONMENT'] },
    },
    resolvedDependencies: [{ uri: ref === undefined ? source : `${source}@${ref}`, digest: { gitCommit: commit } }],
  },
  runDetails: {
    builder: {
      id:
        env['GITHUB_WORKFLOW_REF'] === undefined ? 'https://localhost/desk' : `${server}/${env['GITHUB_WORKFLOW_REF']}`,
    },
    metadata: {
      invocationId:
        repository === undefined
          ? undefined
          : `${server}/${repository}/actions/runs/${env['GITHUB_RUN_ID']}/attempts/${env['GITHUB_RUN_ATTEMPT']}`,
    },
    byproducts: [{ name: 'image', digest: { sha256: digest.slice('sha256:'.length) } }],
  },
};
console.log(JSON.stringify(predicate, undefined, 2));
