#!/usr/bin/env bash
# Pushes the image that was built (out/image.tar) as it is, to the byte, so that its digest stays. Nothing that is not
# signed gets into the registry, and nothing gets a tag there before it is signed and attested in the registry as well:
#   scripts/ci/sign.sh && scripts/ci/push.sh REPOSITORY
#   scripts/ci/sign.sh REPOSITORY@DIGEST && scripts/ci/push.sh REPOSITORY TAG…
# `latest` and `pr-<number>` follow the newest; every other tag is given once. Logged in by `docker login`.
. "$(dirname "$0")/lib.sh"

[ $# -ge 1 ] || die 'usage: scripts/ci/push.sh REPOSITORY [TAG…]'
readonly REPOSITORY=$1
shift
for tag in "$@"; do [[ $tag =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || die "'$tag' is no tag"; done

scripts/ci/gate-signed.sh
digest=$(oci push "$OUT" "$REPOSITORY") || die "$OUT/image.tar was not pushed to $REPOSITORY"
say "pushed $REPOSITORY@$digest"
output digest "$digest"
output reference "$REPOSITORY@$digest"
[ $# -gt 0 ] || exit 0

scripts/ci/gate-signed.sh "$REPOSITORY@$digest"
tags=$(oci tag "$REPOSITORY" "$digest" "$@") || die "$REPOSITORY@$digest did not get its tags"
say "tagged: $tags"
summary "pushed \`$REPOSITORY@$digest\` as $*"
