#!/usr/bin/env bash
# Whether what a change says an environment is to run is signed by main: otherwise who may propose a digest could run an
# image that nobody has looked at. The change is read as text, at GitHub; none of it is checked out here.
#   REPOSITORY=registry/hello-world scripts/ci/check-release.sh    in a workflow: GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GH_TOKEN
. "$(dirname "$0")/lib.sh"

[ -n "${REPOSITORY:-}" ] || skip 'REPOSITORY is not set: there is no registry to ask'
need gh jq cosign
commit=$(jq -r '.merge_group.head_sha // .pull_request.head.sha // empty' "${GITHUB_EVENT_PATH:?}")
[[ $commit =~ ^[0-9a-f]{40}$ ]] || die 'the event names no commit to look at'

for environment in non-prod prod; do
  file=deploy/flux/$environment/release/hello-world-helmrelease.yaml
  text=$(gh api --header 'Accept: application/vnd.github.raw+json' "repos/$GITHUB_REPOSITORY/contents/$file?ref=$commit") \
    || die "GitHub does not show $file at $commit"
  # Whatever else is written there: a digest is one line, and a line that is not one is refused by the render.
  digests=$(grep -Eo 'sha256:[0-9a-f]{64}' <<<"$text" | sort -u || true)
  [ -n "$digests" ] || { say "$environment: names nothing to run" && continue; }
  while read -r digest; do
    scripts/ci/gate-signed.sh "$REPOSITORY@$digest" || die "$environment is to run $digest, which main has not signed"
  done <<<"$digests"
  say "$environment: main has signed what it is to run"
done
