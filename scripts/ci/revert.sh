#!/usr/bin/env bash
# Takes a release back that did not work: proposes what ran before it, by a pull request that in non-prod merges itself.
# Until then Flux' own remediation holds. Skipped when the environment has moved on since.
#   scripts/ci/revert.sh non-prod|prod sha256:…
#   GITOPS_OPTION, and the rest of the environment, as for scripts/ci/set-digest.ts
. "$(dirname "$0")/lib.sh"

[ $# = 2 ] || die 'usage: scripts/ci/revert.sh non-prod|prod sha256:…'
exec node scripts/ci/set-digest.ts "$1" --revert --digest "$2" --option "${GITOPS_OPTION:-a}"
