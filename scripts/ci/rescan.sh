#!/usr/bin/env bash
# Scans again what runs: the digests that deploy/flux names for each environment. The day they were built they were fine.
#   REPOSITORY=registry/hello-world scripts/ci/rescan.sh [non-prod|prod]...
. "$(dirname "$0")/lib.sh"

[ $# -gt 0 ] || set -- non-prod prod
[ -n "${REPOSITORY:-}" ] || skip 'REPOSITORY is not set: there is no registry to take the images from'
need_or_skip trivy

failed=()
for environment in "$@"; do
  release=deploy/flux/$environment/release/hello-world-helmrelease.yaml
  [ -r "$release" ] || die "there is no $release: environments are the folders of deploy/flux"
  digest=$(sed -nE 's/^ *digest: *(sha256:[0-9a-f]{64}) *$/\1/p' "$release")
  if [ -z "$digest" ]; then
    skip_part "$environment: nothing is deployed"
  elif scripts/ci/trivy.sh image "$REPOSITORY@$digest"; then
    say "$environment: nothing new is known of $digest"
  else
    failed+=("$environment ($digest)")
  fi
done
[ ${#failed[@]} = 0 ] || die "something became known of what runs in ${failed[*]}: see above, rebuild or replace what it is in"
