#!/usr/bin/env bash
# The preview of a pull request (docs/how-to/previews.md), from a job with the right to push the branch `previews`.
#   scripts/ci/preview.sh show NUMBER DIGEST  makes or renews it, waits until it answers, says so at the pull request. Where
#                                             that was closed in the meantime, or has its label no longer, removes it
#   scripts/ci/preview.sh remove NUMBER       when the pull request is closed
#   scripts/ci/preview.sh expire              what has outlived its time
#   GH_TOKEN              to push and to comment
#   PREVIEW_DEADLINE_S    how long Flux and the pod may take together (default 420)
. "$(dirname "$0")/lib.sh"
. scripts/ci/github.sh

usage() { die 'usage: scripts/ci/preview.sh show NUMBER sha256:… | remove NUMBER | expire'; }

preview() { node scripts/preview.ts "$@" 2>&1; }

show() {
  local number=$1 digest=$2 said url body
  need_or_skip kustomize gh
  # Its job may have waited for the one that cleans up, or have taken its place in the queue: then nobody else removes it.
  said=$(gh pr view "$number" --json state,labels --jq '"\(.state) \(any(.labels[]; .name == "preview"))"') \
    || die "GitHub does not say whether pull request $number is open"
  if [ "$said" != 'OPEN true' ]; then
    say "pull request $number is not open, or not labelled preview"
    clean_up remove "$number"
    return
  fi
  said=$(preview create "$number" --digest "$digest") || {
    # A fork that has not said where previews live has none.
    [[ $said != *'is missing for replacement source'* ]] || skip "no previews here: deploy/flux/identity/identity.yaml is not filled in ($said)"
    die "$said"
  }
  say "$said"
  url=$(grep -o 'https://[^ ]*' <<<"$said" | head -n 1)
  scripts/smoke-test.sh --deadline "${PREVIEW_DEADLINE_S:-420}" "$url" || die "$url does not answer as it should: see docs/how-to/previews.md"
  summary "<$url>"
  body="Preview: <$url>"$'\n\n'"\`$digest\`, ${said##*"$url" }. It goes when this is closed."
  gh pr comment "$number" --edit-last --create-if-none --body-file - <<<"$body" >/dev/null || die "no comment at pull request $number"
}

clean_up() {
  local said
  said=$(preview "$@") || die "$said"
  say "$said"
  summary "$said"
}

case "${1:-}/$#" in
  show/3 | remove/2 | expire/1) ;;
  *) usage ;;
esac
token_or_skip GH_TOKEN 'it pushes the branch previews'
if [ "$1" = show ]; then
  show "$2" "$3"
else
  clean_up "$@"
fi
