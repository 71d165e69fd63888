#!/usr/bin/env bash
# Applies the release of an environment at once, with this image, instead of waiting for Flux to find the commit: best
# effort, and only where somebody wants it. Flux then holds the cluster to Git, which has the same.
#   scripts/ci/apply.sh non-prod|prod REPOSITORY@DIGEST
#   TAG    of the image (default: what Git names it by)
. "$(dirname "$0")/lib.sh"
. scripts/ci/kube.sh

[ $# = 2 ] || die 'usage: scripts/ci/apply.sh non-prod|prod REPOSITORY@DIGEST'
readonly ENVIRONMENT=$1 REFERENCE=$2
check_environment "$ENVIRONMENT"
check_reference "$REFERENCE"
cluster_or_skip "the direct apply to $ENVIRONMENT"

kubectl get crd helmreleases.helm.toolkit.fluxcd.io >/dev/null 2>&1 || skip 'the cluster has no Flux: there is nothing that would take a HelmRelease'
said=$(node scripts/ci/release-values.ts "$ENVIRONMENT" --tag "${TAG:-direct}" --digest "${REFERENCE##*@}" 2>&1 >"$TEMPORARY/release.yaml") \
  || skip "deploy/flux/$ENVIRONMENT/release cannot be rendered: $said"
kubectl apply --filename "$TEMPORARY/release.yaml" || skip "the cluster does not take the release of $ENVIRONMENT; Flux will, once it is merged"
say "applied the release of $ENVIRONMENT with ${REFERENCE##*@}"
