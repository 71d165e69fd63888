#!/usr/bin/env bash
# Looks at the Dockerfile (hadolint, checkov, and BuildKit's own checks for each platform) and at every shell script
# (shellcheck). Arguments, and $DOCKER_BUILD_FLAGS, are further flags of `docker buildx build`. What is not installed is
# skipped, and says so; scripts/install-tools.sh installs it.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PLATFORMS=(linux/amd64 linux/arm64)

# In place of base images that are out of reach.
nothing=$(mktemp -d)
trap 'rmdir "$nothing"' EXIT

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

buildkit() { docker buildx build --check --platform "$@" . 2>&1; }

# Flags that put nothing in the place of each base image.
no_base_images() { sed -nE "s|^FROM +(--[^ ]+ +)*([^ ]+@[^ ]+).*|--build-context=\2=$nothing|p" Dockerfile; }

# BuildKit asks for the base images first. Where they are out of reach, for this platform at least, the rest is checked.
check_platform() {
  local platform=$1 output passed="BuildKit passed for $1"
  output=$(buildkit "$@") || {
    case $output in
      *'connect to the Docker daemon'*)
        say "BuildKit skipped for $platform: there is no container engine"
        return
        ;;
      *'failed to resolve source metadata'*)
        passed+=', but for its base images, which are out of reach'
        # shellcheck disable=SC2046 # one word a flag
        output=$(buildkit "$@" $(no_base_images)) && say "$passed" && return
        ;;
    esac
    printf '%s\n' "$output"
    failed+=" BuildKit ($platform)"
    return
  }
  say "$passed"
}

shell_scripts() { git ls-files --cached --others --exclude-standard -- '*.sh' .ci/run; }

check hadolint --config deploy/image/hadolint.yaml Dockerfile
check checkov --config-file deploy/image/checkov.yaml
# shellcheck disable=SC2046 # one word a script
check shellcheck $(shell_scripts)
for platform in "${PLATFORMS[@]}"; do
  if command -v docker >/dev/null; then
    # shellcheck disable=SC2086 # the variable holds flags, split at spaces
    check_platform "$platform" ${DOCKER_BUILD_FLAGS:-} "$@"
  else
    say "BuildKit skipped for $platform: docker is not on the PATH"
  fi
done

if [ -n "$failed" ]; then
  echo "check-image: failed:$failed" >&2
  exit 1
fi
