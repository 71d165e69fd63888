# shellcheck shell=bash
# What the steps in scripts/ci share; each sources it and then is in the repository. A step takes arguments and
# environment, says what it does, and fails with a sentence. What is absent here (a tool, a cluster, a token) it tells on
# a line `skipped: why`, also in the job's summary, and ends well.
#   OUT            where data between the jobs is (default out/)
#   REQUIRE_TOOLS  true: a tool that is not there fails the step, as on a runner that was to have it
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# As npm does it: the version of Node that the project has.
export PATH="$PWD/node_modules/.bin:$PATH"

STEP=$(basename "$0")
STEP=${STEP%.*}
OUT=${OUT:-out}

say() { printf '%s: %s\n' "$STEP" "$*"; }
die() { printf '%s: %s\n' "$STEP" "$*" >&2 && exit 1; }

# A line of the job's summary, where there is one.
summary() { [ -z "${GITHUB_STEP_SUMMARY:-}" ] || printf '%s\n' "- **$STEP**: $*" >>"$GITHUB_STEP_SUMMARY"; }

# A part of the step that is left out: the step goes on.
skip_part() {
  printf 'skipped: %s\n' "$*"
  summary "skipped: $*"
}

# The step itself is left out.
skip() { skip_part "$@" && exit 0; }

have() { command -v "$1" >/dev/null; }

# What the step cannot be without.
need() {
  local tool
  for tool in "$@"; do have "$tool" || die "there is no $tool on the PATH: scripts/install-tools.sh installs what mise.toml has"; done
}

# What the step is not tried without: skipped, unless the caller counts on it.
need_or_skip() {
  local tool
  for tool in "$@"; do
    have "$tool" && continue
    [ "${REQUIRE_TOOLS:-}" != true ] || die "there is no $tool on the PATH, and REQUIRE_TOOLS is set"
    skip "there is no $tool on the PATH"
  done
}

# A result for the steps after this one, where a workflow runs it: `output name value`.
output() { [ -z "${GITHUB_OUTPUT:-}" ] || printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"; }

oci() { node scripts/ci/oci.ts "$@"; }

# Of out/image.json, which is checked on the way: `image_field digest`.
image_field() { oci field "$OUT" "$1"; }

# Ends with a message unless it is REPOSITORY@sha256:…, which names one image for ever.
check_reference() {
  [[ $1 =~ ^[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}$ ]] || die "'$1' is not a reference by digest, REPOSITORY@sha256:…"
}

# A Docker Engine, or the step is skipped.
need_engine_or_skip() {
  need_or_skip docker
  docker version >/dev/null 2>&1 || skip 'no Docker Engine answers'
}

# A folder that goes with the step.
temporary_folder() {
  TEMPORARY=$(mktemp -d)
  trap 'rm -rf "$TEMPORARY"' EXIT
}
