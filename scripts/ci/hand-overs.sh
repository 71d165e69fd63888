#!/usr/bin/env bash
# Sees that the image is one and the same at every hand-over, by its digest: as it was described, in the archive, in the
# engine, in the registry and under its tag; and that the gate is closed for everything else: not signed, changed, of
# another key, of another digest. For an image that scripts/ci/push.sh has pushed and tagged.
#   scripts/ci/hand-overs.sh REPOSITORY TAG
#   COSIGN_PUBLIC_KEY  by which it is signed
. "$(dirname "$0")/lib.sh"

[ $# = 2 ] || die 'usage: scripts/ci/hand-overs.sh REPOSITORY TAG'
readonly REPOSITORY=$1 TAG=$2
need cosign
temporary_folder

# --- One digest --------------------------------------------------------------------------------------------------------------
digest=$(image_field digest)
same() { [ "$2" = "$digest" ] || die "$1 has $2, not $digest"; }
same "the archive" "$(oci check "$OUT")"
same "$REPOSITORY:$TAG" "$(oci digest "$REPOSITORY" "$TAG")"
same "$REPOSITORY" "$(oci digest "$REPOSITORY" "$digest")"
image=hello-world:$(image_field tag)
if have docker && id=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null); then
  [ "$id" = "$(image_field id)" ] || [ "$id" = "$digest" ] || die "the engine has $image as $id, which is not of $digest"
else
  skip_part "the engine: it has no $image"
fi
say "described, archived, in the engine, in the registry and as $TAG: $digest"

# --- And no other --------------------------------------------------------------------------------------------------------------
closed() {
  local what=$1
  shift
  if said=$("$@" 2>&1); then die "the gate is open for $what: $said"; fi
  say "closed for $what: $(tail -n 1 <<<"$said")"
}
copy=$TEMPORARY/out
mkdir "$copy"
cp "$OUT"/image.* "$copy/"
rm -f "$copy/image.sigstore.json"
closed 'an archive that is not signed' env OUT="$copy" scripts/ci/gate-signed.sh

cp "$OUT/image.sigstore.json" "$copy/"
size=$(wc -c <"$copy/image.tar")
printf 'x' | dd of="$copy/image.tar" bs=1 seek=$((size / 2)) conv=notrunc status=none
closed 'an archive that was changed' env OUT="$copy" scripts/ci/gate-signed.sh

cp "$OUT/image.tar" "$copy/"
(cd "$TEMPORARY" && COSIGN_PASSWORD=of-this-step cosign generate-key-pair >/dev/null 2>&1)
closed 'another key' env OUT="$copy" COSIGN_PUBLIC_KEY="$TEMPORARY/cosign.pub" scripts/ci/gate-signed.sh
closed 'another key, in the registry' env COSIGN_PUBLIC_KEY="$TEMPORARY/cosign.pub" scripts/ci/gate-signed.sh "$REPOSITORY@$digest"
closed 'another digest' scripts/ci/gate-signed.sh "$REPOSITORY@sha256:$(printf '%064d' 0)"
