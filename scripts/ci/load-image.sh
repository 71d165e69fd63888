#!/usr/bin/env bash
# Brings the image that was built (out/image.tar) into this machine's engine, as hello-world:TAG and hello-world:local (or
# NAME), and sees that it is the one of out/image.json: in the archive, and again in the engine.
#   scripts/ci/load-image.sh [NAME:TAG]
. "$(dirname "$0")/lib.sh"

readonly NAME=${1:-hello-world:local}
[ -f "$OUT/image.tar" ] && [ -f "$OUT/image.json" ] || die "there is no $OUT/image.tar with $OUT/image.json: scripts/ci/image.sh makes them"

digest=$(oci check "$OUT")
id=$(image_field id)
image=hello-world:$(image_field tag)
[ "$(image_field name)" = hello-world ] || die "$OUT/image.json is about another image than hello-world"

need docker
docker version >/dev/null 2>&1 || die 'no Docker Engine answers'
docker load --quiet --input "$OUT/image.tar"
# Docker's own store has an image by its configuration, containerd's by its manifest.
loaded=$(docker image inspect --format '{{.Id}}' "$image")
[ "$loaded" = "$id" ] || [ "$loaded" = "$digest" ] || die "the engine has $image as $loaded, the archive as $id ($digest)"
docker tag "$image" "$NAME"
say "$image and $NAME are $digest"
