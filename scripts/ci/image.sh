#!/usr/bin/env bash
# Builds the image, once: what is tested, signed and deployed later is this archive, by its digest.
#   scripts/ci/image.sh TAG    hello-world:TAG in the engine, out/image.tar (an OCI layout), out/image.json
# The settings are those of scripts/build-image.sh, which also holds it to a size.
. "$(dirname "$0")/lib.sh"

readonly TAG=${1:-}
[[ $TAG =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || die "usage: scripts/ci/image.sh TAG; '$TAG' is no tag"
need docker
docker version >/dev/null 2>&1 || die 'no Docker Engine answers: start one, the image is built by it'

temporary_folder
HELLO_WORLD_IMAGE=hello-world:$TAG scripts/build-image.sh
docker save --output "$TEMPORARY/saved.tar" "hello-world:$TAG"
digest=$(oci pack hello-world "$TAG" "$TEMPORARY/saved.tar" "$OUT")
output digest "$digest"
say "$OUT/image.tar is hello-world:$TAG, $digest"
summary "hello-world:$TAG is \`$digest\`"
