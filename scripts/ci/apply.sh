#!/usr/bin/env bash
# Applies what an environment's Flux follows, with the cluster's credentials, and asks Flux to look now. Flux needs
# neither: this is for a team whose cluster nobody has given `kubectl apply -k` yet. Best effort: what is absent is told.
#   KUBE_CONFIG_B64=… scripts/ci/apply.sh non-prod|prod
. "$(dirname "$0")/lib.sh"
. scripts/ci/kube.sh

[ $# = 1 ] || die 'usage: scripts/ci/apply.sh non-prod|prod'
readonly ENVIRONMENT=$1
check_environment "$ENVIRONMENT"
cluster_or_skip "applying $ENVIRONMENT"
need_or_skip kustomize
kubectl get crd kustomizations.kustomize.toolkit.fluxcd.io >/dev/null 2>&1 || skip 'the cluster has no Flux'

# A fork that has not filled in its identity has nothing to apply.
kustomize build "deploy/flux/$ENVIRONMENT" >"$TEMPORARY/manifests.yaml" 2>"$TEMPORARY/why" \
  || skip "deploy/flux/$ENVIRONMENT does not render: $(tail -n 1 "$TEMPORARY/why")"
kubectl apply --server-side --filename "$TEMPORARY/manifests.yaml" || die "deploy/flux/$ENVIRONMENT was not applied: see above"
kubectl --namespace flux-system annotate --overwrite "gitrepository/hello-world-$ENVIRONMENT" \
  "reconcile.fluxcd.io/requestedAt=$(date +%s)" >/dev/null
say "deploy/flux/$ENVIRONMENT is applied, and Flux was asked to look"
