#!/usr/bin/env bash
# Builds the image hello-world:local (or $HELLO_WORLD_IMAGE) for this machine's architecture, tells its id and its size,
# and fails when it is too large. Arguments, and $DOCKER_BUILD_FLAGS, are further flags of `docker buildx build`; with
# --platform=linux/arm64 it is for another architecture, where the builder can run its programs.
# VERSION, REVISION, SOURCE_DATE_EPOCH and SOURCE come from package.json and git, or from the environment.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly LIMIT_MB=75
readonly IMAGE=${HELLO_WORLD_IMAGE:-hello-world:local}

refuse() { echo "build-image: $*" >&2 && exit 1; }

# What is given for an option, with a comma between two: `option --platform FLAGS…`.
option() {
  local name=$1 previous='' flag values=''
  shift
  for flag in "$@"; do
    if [ "$previous" = "$name" ]; then values+=,$flag; fi
    if [[ $flag == "$name="* ]]; then values+=,${flag#*=}; fi
    previous=$flag
  done
  echo "${values#,}"
}

# A builder that can't run an architecture's programs says so only at the first RUN, and by `exec format error`.
check_platform() {
  local platform builder os architecture able
  platform=$(option --platform "$@")
  platform=${platform:-${DOCKER_DEFAULT_PLATFORM:-}}
  [ -n "$platform" ] || return 0
  [[ $platform != *,* ]] || refuse "one platform at a time, not $platform: this measures one image, of this machine's engine"
  builder=$(option --builder "$@")
  able=$(docker buildx inspect ${builder:+"$builder"} | sed -n 's/^Platforms: *//p' | tr -d '*')
  IFS=/ read -r os architecture _ <<<"$platform"
  [[ ",${able//[[:space:]]/,}," == *",$os/$architecture,"* ]] \
    || refuse "the builder runs ${able:-nothing}, not $platform: give it QEMU (docker.io/tonistiigi/binfmt) or a node of that architecture (docker buildx create --append)"
}

# Whether git knows the project itself. Unpacked into another repository it is none of that one's commits.
is_checkout() {
  local folder
  folder=$(git rev-parse --show-prefix 2>/dev/null) && [ -z "$folder" ] \
    && git ls-files --error-unmatch package.json >/dev/null 2>&1
}

# Where the repository can be looked at, from the address that it was cloned from: without who cloned it, or a password.
# Nothing where that was a folder.
source_url() {
  is_checkout || return 0
  { git remote get-url origin 2>/dev/null || true; } | sed -nE -e 's#(\.git)?/*$##' \
    -e '\#^https?://# s#//([^/]*@)?#//#p' \
    -e '\#^ssh://# s#^ssh://([^/]*@)?([^/:]+)(:[0-9]+)?/#https://\2/#p' \
    -e '\#^[^/]+:[^/]# s#^([^/@]*@)?([^/:]+):#https://\2/#p'
}

# The commit, with -dirty when what gets into the context is not what that commit holds.
revision() {
  local commit changes
  { is_checkout && commit=$(git rev-parse --verify HEAD 2>/dev/null); } || { echo unknown && return; }
  # shellcheck disable=SC2046 # the allow-list of the context, path by path
  changes=$(git --no-optional-locks status --porcelain -- $(sed -n 's/^!//p' .dockerignore) Dockerfile .dockerignore ':(exclude)*.spec.ts')
  echo "$commit${changes:+-dirty}"
}

# Of the commit, in seconds since 1970.
commit_time() { { is_checkout && git log -1 --format=%ct 2>/dev/null; } || echo 0; }

# What a label of the image says, whoever set it: a flag of the caller's may have had the last word.
label() { docker image inspect --format "{{index .Config.Labels \"org.opencontainers.image.$1\"}}" "$IMAGE"; }

megabytes() { awk -v bytes="$1" 'BEGIN { printf "%.1f", bytes / 1000000 }'; }

# shellcheck disable=SC2086 # the variable holds flags, split at spaces
check_platform ${DOCKER_BUILD_FLAGS:-} "$@"

version=${VERSION:-$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)}
revision=${REVISION:-$(revision)}
epoch=${SOURCE_DATE_EPOCH:-$(commit_time)}
[[ $epoch =~ ^[0-9]{1,11}$ ]] \
  || refuse "SOURCE_DATE_EPOCH is to be a time in whole seconds since 1970, as \`git log -1 --format=%ct\` tells it, not $epoch"
# GNU's date, else BSD's.
created=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -r "$epoch" +%Y-%m-%dT%H:%M:%SZ)

flags=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" --build-arg "CREATED=$created")
flags+=(--build-arg "SOURCE_DATE_EPOCH=$epoch")
source=${SOURCE:-$(source_url)}
[ -z "$source" ] || flags+=(--build-arg "SOURCE=$source")
# An attestation of the build tells when it ran: the pipeline makes and signs its own.
# shellcheck disable=SC2086 # the variable holds flags, split at spaces
docker buildx build --load --provenance=false --tag "$IMAGE" "${flags[@]}" ${DOCKER_BUILD_FLAGS:-} "$@" .

# What a registry holds and a node pulls: every layer compressed by gzip, which is what a push does.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
docker save "$IMAGE" | tar -x -C "$folder"
packed=0 unpacked=0
for layer in $(sed 's/.*"Layers":\[\([^]]*\)\].*/\1/' "$folder/manifest.json" | tr -d '"' | tr ',' ' '); do
  # With -f a layer that is not compressed passes as it is.
  unpacked=$((unpacked + $(gzip -dcf "$folder/$layer" | wc -c)))
  packed=$((packed + $(gzip -dcf "$folder/$layer" | gzip -6 -n | wc -c)))
done

cat <<REPORT
image         $IMAGE, version $(label version), revision $(label revision), created $(label created)
image id      $(docker image inspect --format '{{.Id}}' "$IMAGE")
platform      $(docker image inspect --format '{{.Os}}/{{.Architecture}}' "$IMAGE")
compressed    $(megabytes "$packed") MB (limit $LIMIT_MB MB)
uncompressed  $(megabytes "$unpacked") MB
REPORT

if [ "$packed" -gt $((LIMIT_MB * 1000000)) ]; then
  echo "build-image: the image is larger than $LIMIT_MB MB compressed: see what came in with test/image" >&2
  exit 1
fi
