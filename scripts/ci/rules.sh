#!/usr/bin/env bash
# Checks the alert rules by promtool (their tests are in the gates: npm run check:monitoring), and applies them where
# nothing else does: to the namespace monitoring of a cluster with the Prometheus operator, unless the chart brings them (values: prometheusRule.enabled).
#   scripts/ci/rules.sh
#   ENVIRONMENT  non-prod (default) or prod
. "$(dirname "$0")/lib.sh"
. scripts/ci/kube.sh

readonly ENVIRONMENT=${ENVIRONMENT:-non-prod} RULES=monitoring/prometheus-rules.yaml
check_environment "$ENVIRONMENT"
need_or_skip promtool
promtool check rules "$RULES" || die "promtool refuses $RULES"
say "$RULES is valid"

chart_brings_rules=$(release_value "$ENVIRONMENT" prometheusRule.enabled)
if [ "$chart_brings_rules" = true ]; then
  skip "applying the rules: the chart brings them to $ENVIRONMENT (prometheusRule.enabled), and twice they would alert twice"
fi
cluster_or_skip 'applying the rules'
kubectl get crd prometheusrules.monitoring.coreos.com >/dev/null 2>&1 || skip 'applying the rules: the cluster has no Prometheus operator'
kubectl apply --filename monitoring/prometheus-rule.yaml || die 'the cluster does not take monitoring/prometheus-rule.yaml'
say "applied monitoring/prometheus-rule.yaml for $ENVIRONMENT"
