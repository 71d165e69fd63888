#!/usr/bin/env bash
# What a change is, and so which gates it needs. GitHub is asked what its commits change, not what the pull request has by
# now: the verdict is about these. What cannot be asked is everything.
#   scope      `release`: it does nothing but say what an environment runs, as the pipeline proposes after each push to
#              main. Then nothing is there to build or to test but what Flux will read. Else `all`
#   releases   `true`: it says, among other things, what an environment runs
#   scripts/ci/scope.sh    in a workflow: GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GH_TOKEN
. "$(dirname "$0")/lib.sh"
. scripts/ci/github.sh

readonly RELEASES='^deploy/flux/(non-prod/release/hello-world-helmrelease|prod/release/(hello-world-helmrelease|chart))\.yaml$'

decide() {
  output scope "$1"
  output releases "$2"
  say "$1: $3"
  exit 0
}

if [ -z "${GITHUB_EVENT_PATH:-}" ] || ! have gh || ! have jq; then decide all true 'there is nobody to ask what has changed'; fi
# With the names that they had before.
files=$(changed_files '[.filename, .previous_filename // empty][]') || decide all true 'GitHub does not say what has changed, or not all of it'
[ -n "$files" ] || decide all true 'GitHub names nothing that has changed'
releases=$(grep -E "$RELEASES" <<<"$files" || true)
other=$(grep -Ev "$RELEASES" <<<"$files" || true)
[ -n "$releases" ] || decide all false "$(head -n 1 <<<"$other") has changed"
[ -z "$other" ] || decide all true "$(head -n 1 <<<"$other") has changed"
decide release true 'only what an environment runs has changed'
