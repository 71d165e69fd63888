#!/usr/bin/env bash
# The gate before a registry and before a deployment: lets through what is signed by the one who may, and nothing else.
#   scripts/ci/gate-signed.sh                    out/image.tar, by out/image.sigstore.json: may it be pushed?
#   scripts/ci/gate-signed.sh REPOSITORY@DIGEST  in its registry: may it have a tag, may it be deployed?
. "$(dirname "$0")/lib.sh"
. scripts/ci/signing.sh

[ $# -le 1 ] || die 'usage: scripts/ci/gate-signed.sh [REPOSITORY@DIGEST]'
need cosign
if [ $# = 1 ]; then
  scripts/ci/verify.sh "$1" || die "closed for $1"
  say "open for $1"
  exit
fi

[ -f "$BUNDLE" ] || die "closed: $OUT/image.tar is not signed, scripts/ci/sign.sh does it"
temporary_folder
oci manifest "$OUT" "$TEMPORARY/manifest.json" || die "closed: $OUT/image.tar is not what was built"
verifying_flags
quietly cosign verify-blob "${verify_with[@]}" --bundle "$BUNDLE" "$TEMPORARY/manifest.json" \
  || die "closed: $OUT/image.tar is not what $signer has signed"
say "open: $OUT/image.tar, $(image_field digest), is signed by $signer"
