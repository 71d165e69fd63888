#!/usr/bin/env bash
# Migrates the database of an environment before its release, by a Job with the very image. A migration has one owner: the
# chart (values: migrations.enabled, the default), and then this is skipped; or, where that is false, this step. The Job is
# the chart's own, so it is what a release would run.
#   scripts/ci/migrate.sh REPOSITORY@DIGEST
#   ENVIRONMENT           non-prod (default) or prod
#   MIGRATION_DEADLINE_S  how long it may take (default 300)
. "$(dirname "$0")/lib.sh"
. scripts/ci/kube.sh

[ $# = 1 ] || die 'usage: scripts/ci/migrate.sh REPOSITORY@DIGEST'
readonly REFERENCE=$1 ENVIRONMENT=${ENVIRONMENT:-non-prod} DEADLINE_S=${MIGRATION_DEADLINE_S:-300}
check_reference "$REFERENCE"
check_environment "$ENVIRONMENT"
chart_migrates=$(release_value "$ENVIRONMENT" migrations.enabled)
if [ "$chart_migrates" != false ]; then
  skip "the chart migrates in $ENVIRONMENT (migrations.enabled), before anything else of a release"
fi
cluster_or_skip "the migration of $ENVIRONMENT"
need helm

readonly NAMESPACE=hello-world-$ENVIRONMENT
node scripts/ci/release-values.ts "$ENVIRONMENT" --tag migration --digest "${REFERENCE##*@}" >"$TEMPORARY/values.yaml" \
  || die "the values of $ENVIRONMENT cannot be rendered: is deploy/flux/identity/identity.yaml filled in?"
# One for each run: those that failed can be looked at side by side.
name=hello-world-pipeline-$(date +%s)
readonly JOB=$name-migrate-1
helm template "$name" deploy/helm/hello-world --namespace "$NAMESPACE" --values "$TEMPORARY/values.yaml" \
  --set migrations.enabled=true --set fullnameOverride="$name" --set "image.repository=${REFERENCE%@*}" \
  --show-only templates/migration.yaml >"$TEMPORARY/migration.yaml" || die "the chart makes no migration of the values of $ENVIRONMENT"
kubectl --namespace "$NAMESPACE" apply --filename "$TEMPORARY/migration.yaml" >/dev/null || die "the migration does not get into $NAMESPACE"

# Either of both ends the wait.
state() { kubectl --namespace "$NAMESPACE" get job "$JOB" --output 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type} {end}'; }
end=$((SECONDS + DEADLINE_S))
until conditions=$(state) && [[ $conditions == *Complete* || $conditions == *Failed* ]] || [ "$SECONDS" -ge "$end" ]; do sleep 2; done
kubectl --namespace "$NAMESPACE" logs "job/$JOB" --tail 100 || true
[[ $conditions == *Complete* ]] || die "the migration has not succeeded in $NAMESPACE: kubectl --namespace $NAMESPACE describe job $JOB; nothing is deployed"
kubectl --namespace "$NAMESPACE" delete --filename "$TEMPORARY/migration.yaml" --wait=false >/dev/null
say "migrated $ENVIRONMENT by $REFERENCE"
summary "$ENVIRONMENT migrated by \`$REFERENCE\`"
