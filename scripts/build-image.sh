#!/usr/bin/env bash
# Builds the image as hello-world:local. Arguments are further flags of `docker build`.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${VERSION:-$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)}
revision=${REVISION:-$(git rev-parse HEAD)}
docker build --tag "${HELLO_WORLD_IMAGE:-hello-world:local}" \
  --build-arg "VERSION=$version" --build-arg "REVISION=$revision" "$@" .
