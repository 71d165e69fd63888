#!/usr/bin/env bash
# Refuses a change of what Flux reads from who has no rights here: a fork, or Dependabot. Whether main has signed what that
# names, scripts/ci/check-release.sh cannot ask for them, since it needs rights in the registry. All of deploy/flux, and not
# only lines with a tag or a digest: a base from elsewhere, a patch, a branch or an escaped key says as well what runs. The
# change is read at GitHub; none of it is checked out here.
#   scripts/ci/foreign-release.sh    in a workflow: GITHUB_EVENT_PATH, GITHUB_REPOSITORY, GH_TOKEN
. "$(dirname "$0")/lib.sh"
. scripts/ci/github.sh

need gh jq
changed=$(changed_files '[.filename, .previous_filename // empty][] | select(startswith("deploy/flux/"))') \
  || die 'GitHub does not show what is changed, or not all of it: make it smaller'
[ -z "$changed" ] || die "it changes $(head -n 1 <<<"$changed"), by which Flux knows what runs, and comes from who may not: somebody who may push to this repository is to propose that"
say 'it changes nothing that Flux reads'
