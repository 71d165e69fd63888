#!/usr/bin/env bash
# Refuses a change of which image or chart an environment runs, from who has no rights here: a fork, or Dependabot. Whether
# main has signed what they name, scripts/ci/check-release.sh cannot ask for them, since it needs rights in the registry. The
# change is read as text, at GitHub; none of it is checked out here.
#   scripts/ci/foreign-release.sh    in a workflow: GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GH_TOKEN
. "$(dirname "$0")/lib.sh"
. scripts/ci/github.sh

# The word, wherever it is on a line: YAML has many ways to write a key.
readonly NAMES='(^|[^A-Za-z])(tag|digest|version|semver)([^A-Za-z]|$)|sha256:'
readonly UNSEEN='+ tag or digest, for all that GitHub shows of it'

need gh jq
lines=$(changed_files 'select([.filename, .previous_filename // empty] | any(startswith("deploy/flux/")))
  | if .status == "renamed" then "'"$UNSEEN"'" else .patch // "'"$UNSEEN"'" end') \
  || die 'GitHub does not show what is changed, or not all of it: make it smaller'
found=$(grep -E '^[-+]' <<<"$lines" | grep -E "$NAMES" || true)
[ -z "$found" ] || die "it changes under deploy/flux which image or chart runs, and comes from who may not: somebody who may push to this repository is to propose that ($(head -n 1 <<<"$found"))"
say 'it changes no image and no chart that an environment runs'
