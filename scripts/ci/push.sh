#!/usr/bin/env bash
# Pushes the image that was built (out/image.tar) as it is, to the byte, so that its digest stays. Nothing that is not
# signed gets into the registry, and nothing gets a tag there before it is signed and attested in the registry as well:
#   scripts/ci/sign.sh && scripts/ci/push.sh REPOSITORY
#   scripts/ci/sign.sh REPOSITORY@DIGEST && scripts/ci/push.sh REPOSITORY TAG…
# `latest` and `pr-<number>` follow the newest; every other tag is given once. A run that took longer than the next one, or
# that is run again, leaves `latest` with the newer commit, where git has both. Logged in by `docker login`.
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

# Whether `latest` is of a commit that came after ours.
latest_is_newer() {
  local there ours commit
  there=$(oci digest "$REPOSITORY" latest) || die "$REPOSITORY does not say what is latest"
  [ -n "$there" ] && commit=$(oci label "$REPOSITORY" "$there" org.opencontainers.image.revision 2>/dev/null) || return 1
  ours=$(image_field revision)
  [[ $commit =~ ^[0-9a-f]{40}$ && $commit != "$ours" ]] && git merge-base --is-ancestor "$ours" "$commit" 2>/dev/null
}

scripts/ci/gate-signed.sh "$REPOSITORY@$digest"
wanted=()
for tag in "$@"; do
  if [ "$tag" = latest ] && latest_is_newer; then skip_part "latest: it is of a newer commit"; else wanted+=("$tag"); fi
done
[ ${#wanted[@]} -gt 0 ] || exit 0
tags=$(oci tag "$REPOSITORY" "$digest" "${wanted[@]}") || die "$REPOSITORY@$digest did not get its tags"
say "tagged: $tags"
summary "pushed \`$REPOSITORY@$digest\` as ${wanted[*]}"
