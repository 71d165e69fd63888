#!/usr/bin/env bash
# Whether what a change says an environment is to run is signed by main: otherwise who may propose a digest could run an
# image that nobody has looked at. The change is read as text, at GitHub; none of it is checked out here.
#   REPOSITORY=registry/hello-world scripts/ci/check-release.sh    in a workflow: GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GH_TOKEN
#   SCOPE    what scripts/ci/scope.sh says of the change. Of non-prod's release nobody has to approve one (.github/CODEOWNERS),
#            so a change of nothing else (`release`) may say which image it is, and no more
. "$(dirname "$0")/lib.sh"
. scripts/ci/github.sh

if [ "${SCOPE:-all}" = release ]; then
  need gh jq
  patch=$(changed_files 'select(.filename == "deploy/flux/non-prod/release/hello-world-helmrelease.yaml") | .patch // "+ more than GitHub shows"') \
    || die 'GitHub does not show what is changed'
  other=$(grep -E '^[-+]' <<<"$patch" | grep -Ev "^[-+] +(tag|digest):( [A-Za-z0-9_.:'-]*)?$" || true)
  [ -z "$other" ] || die "it changes more of non-prod than tag and digest, and nobody would have to approve that: change something with an owner beside it, as CHANGELOG.md ($(head -n 1 <<<"$other"))"
fi

[ -n "${REPOSITORY:-}" ] || skip 'REPOSITORY is not set: there is no registry to ask'
need gh jq cosign
commit=$(jq -r '.merge_group.head_sha // .pull_request.head.sha // empty' "${GITHUB_EVENT_PATH:?}")
[[ $commit =~ ^[0-9a-f]{40}$ ]] || die 'the event names no commit to look at'

for environment in non-prod prod; do
  file=deploy/flux/$environment/release/hello-world-helmrelease.yaml
  text=$(gh api --header 'Accept: application/vnd.github.raw+json' "repos/$GITHUB_REPOSITORY/contents/$file?ref=$commit") \
    || die "GitHub does not show $file at $commit"
  # An escape or a type of YAML's, as !!binary, would hide a digest that Kustomize then writes out.
  [[ $text != *[\\!]* ]] || die "$file has a backslash or an exclamation mark, by which YAML hides what is to run: write it as it is"
  # Whatever else is written there: a digest is one line, and a line that is not one is refused by the render.
  digests=$(grep -Eo 'sha256:[0-9a-f]{64}' <<<"$text" | sort -u || true)
  [ -n "$digests" ] || { say "$environment: names nothing to run" && continue; }
  while read -r digest; do
    scripts/ci/gate-signed.sh "$REPOSITORY@$digest" || die "$environment is to run $digest, which main has not signed"
  done <<<"$digests"
  say "$environment: main has signed what it is to run"
done
