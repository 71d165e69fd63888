#!/usr/bin/env bash
# What a change is, and so which gates it needs. GitHub is asked what has changed; what cannot be asked is everything.
#   scope      `release`: it does nothing but say what an environment runs, as the pipeline proposes after each push to
#              main. Then nothing is there to build or to test but what Flux will read. Else `all`
#   releases   `true`: it says, among other things, what an environment runs
#   scripts/ci/scope.sh    in a workflow: GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GH_TOKEN
. "$(dirname "$0")/lib.sh"

readonly RELEASES='^deploy/flux/(non-prod/release/hello-world-helmrelease|prod/release/(hello-world-helmrelease|chart))\.yaml$'
# GitHub tells no more of them at once.
readonly MOST=300

decide() {
  output scope "$1"
  output releases "$2"
  say "$1: $3"
  exit 0
}

# The files, with the names that they had before.
changed() {
  local names='[.filename, .previous_filename // empty][]' number range
  number=$(jq -r '.pull_request.number // empty' "$GITHUB_EVENT_PATH")
  range=$(jq -r '.merge_group | select(.) | "\(.base_sha)...\(.head_sha)"' "$GITHUB_EVENT_PATH")
  if [ -n "$number" ]; then
    gh api --paginate "repos/$GITHUB_REPOSITORY/pulls/$number/files" --jq ".[] | $names"
  elif [ -n "$range" ]; then
    gh api "repos/$GITHUB_REPOSITORY/compare/$range" --jq ".files[] | $names"
  fi
}

if [ -z "${GITHUB_EVENT_PATH:-}" ] || ! have gh || ! have jq; then decide all true 'there is nobody to ask what has changed'; fi
files=$(changed) || decide all true 'GitHub does not say what has changed'
count=$(grep -c . <<<"$files" || true)
if [ "$count" = 0 ] || [ "$count" -ge "$MOST" ]; then decide all true 'everything, or too much to tell, has changed'; fi
releases=$(grep -E "$RELEASES" <<<"$files" || true)
other=$(grep -Ev "$RELEASES" <<<"$files" || true)
[ -n "$releases" ] || decide all false "$(head -n 1 <<<"$other") has changed"
[ -z "$other" ] || decide all true "$(head -n 1 <<<"$other") has changed"
decide release true 'only what an environment runs has changed'
