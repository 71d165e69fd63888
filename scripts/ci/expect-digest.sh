#!/usr/bin/env bash
# Whether out/image.tar is the image that was built, by the digest that its build has told. It is computed again, from
# the archive: what is tested, signed and pushed is the same, or nothing is.
#   scripts/ci/expect-digest.sh sha256:…
. "$(dirname "$0")/lib.sh"

[[ ${1:-} =~ ^sha256:[0-9a-f]{64}$ ]] || die "usage: scripts/ci/expect-digest.sh sha256:…; '${1:-}' is no digest"
digest=$(oci check "$OUT") || die "$OUT/image.tar is not what was built"
[ "$digest" = "$1" ] || die "$OUT/image.tar is $digest, and $1 was built: another job has replaced it"
say "$OUT/image.tar is $digest, as it was built"
