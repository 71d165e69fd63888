#!/usr/bin/env bash
# Looks at the Dockerfile (hadolint, checkov, BuildKit's own checks) and at every shell script (shellcheck).
# Arguments, and $DOCKER_BUILD_FLAGS, are further flags of `docker buildx build`. What is not installed is skipped,
# and says so; scripts/install-tools.sh installs it.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=''
say() { printf 'check-image: %s\n' "$*"; }

check() {
  local tool=$1
  if ! command -v "$tool" >/dev/null; then
    say "$tool skipped: it is not on the PATH"
  elif "$@"; then
    say "$tool passed"
  else
    failed+=" $tool"
  fi
}

buildkit() {
  local output
  # shellcheck disable=SC2086 # the variable holds flags, split at spaces
  if output=$(docker buildx build --check ${DOCKER_BUILD_FLAGS:-} "$@" . 2>&1); then
    say 'BuildKit passed'
  elif reason=$(grep -m 1 -E 'failed to resolve source metadata|annot connect to the Docker daemon' <<<"$output"); then
    say "BuildKit skipped: $reason"
  else
    printf '%s\n' "$output"
    failed+=' BuildKit'
  fi
}

shell_scripts() { git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run; }

check hadolint --config deploy/image/hadolint.yaml Dockerfile
check checkov --config-file deploy/image/checkov.yaml
# shellcheck disable=SC2046 # one word a script
check shellcheck $(shell_scripts)
if command -v docker >/dev/null; then buildkit "$@"; else say 'BuildKit skipped: docker is not on the PATH'; fi

if [ -n "$failed" ]; then
  echo "check-image: failed:$failed" >&2
  exit 1
fi
