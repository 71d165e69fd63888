#!/usr/bin/env bash
# Signs the image; how, is in scripts/ci/signing.sh.
#   scripts/ci/sign.sh --chart REPOSITORY@DIGEST        a chart that was pushed, of which nothing is attested
#   scripts/ci/sign.sh [--ephemeral]                    out/image.tar, before it is pushed: out/image.sigstore.json
#   scripts/ci/sign.sh [--ephemeral] REPOSITORY@DIGEST  what was pushed, and what is attested of it: out/sbom.spdx.json,
#                                                       out/sbom.cdx.json, and its provenance; with --ephemeral the
#                                                       archive again as well, so that one key is for both
. "$(dirname "$0")/lib.sh"
. scripts/ci/signing.sh

ephemeral=false chart=false
case ${1:-} in
  --ephemeral) ephemeral=true && shift ;;
  --chart) chart=true && shift ;;
esac
case $chart/$# in
  true/1 | false/0 | false/1) ;;
  *) die 'usage: scripts/ci/sign.sh [--ephemeral] [REPOSITORY@DIGEST] | sign.sh --chart REPOSITORY@DIGEST' ;;
esac
[ $# = 0 ] || check_reference "$1"
need cosign
temporary_folder
if $ephemeral; then ephemeral_key; fi
signing_flags

if [ $# = 0 ] || $ephemeral; then
  oci manifest "$OUT" "$TEMPORARY/manifest.json"
  quietly cosign sign-blob "${sign_with[@]}" --bundle "$BUNDLE" "$TEMPORARY/manifest.json" || die "cosign did not sign $OUT/image.tar"
  say "signed $OUT/image.tar, $(image_field digest)"
fi
[ $# = 1 ] || exit 0

readonly reference=$1
readonly digest=${reference##*@}
if $chart; then
  quietly cosign sign "${sign_with[@]}" "$reference" || die "cosign did not sign $reference"
  say "signed the chart $reference"
  exit
fi
node scripts/ci/provenance.ts "$digest" >"$OUT/provenance.json"
for attested in "${ATTESTED[@]}"; do
  [ -f "$OUT/${attested#*:}" ] || die "there is no $OUT/${attested#*:}: scripts/ci/sbom.ts makes the SBOMs"
  [[ $attested != *:sbom.* ]] || node scripts/ci/sbom-of.ts "$digest" "$OUT/${attested#*:}" \
    || die "$OUT/${attested#*:} is not of $reference: scripts/ci/sbom.ts makes it, after the image"
done
quietly cosign sign "${sign_with[@]}" "$reference" || die "cosign did not sign $reference"
for attested in "${ATTESTED[@]}"; do
  quietly cosign attest "${sign_with[@]}" --type "${attested%%:*}" --predicate "$OUT/${attested#*:}" "$reference" \
    || die "cosign did not attest $OUT/${attested#*:} of $reference"
done
say "signed $reference, and attested its SBOMs and its provenance"
