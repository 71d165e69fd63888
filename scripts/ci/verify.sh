#!/usr/bin/env bash
# Verifies an image in its registry: its signature, and that its SBOMs and its provenance are attested, all by the one
# who may (scripts/ci/signing.sh), and the SBOMs those of this very image.
#   scripts/ci/verify.sh REPOSITORY@DIGEST
#   scripts/ci/verify.sh --chart REPOSITORY@DIGEST    a chart: its signature alone
. "$(dirname "$0")/lib.sh"
. scripts/ci/signing.sh

if [ "${1:-}" = --chart ]; then ATTESTED=() && shift; fi
[ $# = 1 ] || die 'usage: scripts/ci/verify.sh [--chart] REPOSITORY@DIGEST'
readonly REFERENCE=$1
check_reference "$REFERENCE"
need cosign
temporary_folder
verifying_flags

attestations() { cosign verify-attestation "${verify_with[@]}" --type "$1" "$REFERENCE" >"$TEMPORARY/attested"; }

quietly cosign verify "${verify_with[@]}" "$REFERENCE" || die "$REFERENCE is not signed by $signer"
for attested in "${ATTESTED[@]}"; do
  quietly attestations "${attested%%:*}" || die "$REFERENCE has no ${attested#*:} attested by $signer"
  [[ $attested != *:sbom.* ]] || node scripts/ci/sbom-of.ts "${REFERENCE##*@}" <"$TEMPORARY/attested" \
    || die "$REFERENCE has a ${attested#*:} attested that is not its own"
done
[ ${#ATTESTED[@]} = 0 ] || attested_too=', and so are its SBOMs and its provenance'
say "$REFERENCE is signed by $signer${attested_too:-}"
