#!/usr/bin/env bash
# Waits for a release to be what runs, and sees whether it does well: every pod with its digest and ready, the page over
# HTTPS from outside, and after that no error budget that burns. Fails when something of it does not come true in time;
# what cannot be asked here is skipped.
#   scripts/ci/rollout.sh non-prod|prod sha256:…
#   KUBE_CONFIG_B64      the pods
#   SERVICE_URL          the page, https://…
#   PROMETHEUS_URL       the objectives
#   ROLLOUT_DEADLINE_S   until the pods are there, Flux and merge included (default 1200)
#   SMOKE_DEADLINE_S     until the page answers as it should (default 300)
#   OBSERVE_S            how long the objectives are watched (default 300, the window of the fast burn rate)
. "$(dirname "$0")/lib.sh"
. scripts/ci/kube.sh

[ $# = 2 ] || die 'usage: scripts/ci/rollout.sh non-prod|prod sha256:…'
readonly ENVIRONMENT=$1 DIGEST=$2 NAMESPACE=hello-world-$1
check_environment "$ENVIRONMENT"
[[ $DIGEST =~ ^sha256:[0-9a-f]{64}$ ]] || die "'$DIGEST' is no digest"
readonly DEADLINE_S=${ROLLOUT_DEADLINE_S:-1200}
# What pages somebody: monitoring/prometheus-rules.yaml, HelloWorldErrorBudgetBurnFast.
readonly FASTEST_BURN=14.4

pods() {
  local image
  image=$(kubectl --namespace "$NAMESPACE" get deployment hello-world --output 'jsonpath={.spec.template.spec.containers[0].image}' 2>/dev/null) || return 1
  [[ $image == *"@$DIGEST" ]]
}

if [ -n "${KUBE_CONFIG_B64:-}" ]; then
  cluster_or_skip 'the pods'
  until pods; do
    [ "$SECONDS" -lt "$DEADLINE_S" ] || die "$NAMESPACE does not run $DIGEST after $DEADLINE_S s: has the pull request been merged, and what does 'kubectl --namespace $NAMESPACE describe helmrelease hello-world' say?"
    sleep "${ROLLOUT_PAUSE_S:-5}"
  done
  left=$((DEADLINE_S - SECONDS))
  kubectl --namespace "$NAMESPACE" rollout status deployment/hello-world --timeout "$((left > 30 ? left : 30))s" \
    || die "the rollout of $DIGEST in $NAMESPACE does not come to its end"
  # Flux takes back what does not become ready, and that is a rollout which comes to its end as well.
  pods || die "$NAMESPACE ran $DIGEST and does not any longer: Flux has taken it back, see 'kubectl --namespace $NAMESPACE describe helmrelease hello-world'"
  say "every pod of $NAMESPACE runs $DIGEST"
else
  skip_part "the pods of $ENVIRONMENT: KUBE_CONFIG_B64 is not set"
fi

if [ -n "${SERVICE_URL:-}" ]; then
  [[ $SERVICE_URL == https://* || ${SMOKE_OVER_HTTP:-} == true ]] || die "SERVICE_URL is $SERVICE_URL: its users come by https"
  scripts/smoke-test.sh --deadline "${SMOKE_DEADLINE_S:-300}" "$SERVICE_URL" || die "$SERVICE_URL is not as it should be"
else
  skip_part "the page of $ENVIRONMENT: SERVICE_URL is not set"
fi

# The value of a query of which one series is asked; nothing where there is none.
query() {
  curl --silent --show-error --fail --max-time 20 --get --data-urlencode "query=$1" "${PROMETHEUS_URL%/}/api/v1/query" \
    | node -e 'const { data } = JSON.parse(require("node:fs").readFileSync(0, "utf8")); console.log(data.result[0]?.value[1] ?? "")' 2>/dev/null
}

if [ -n "${PROMETHEUS_URL:-}" ]; then
  need curl
  end=$((SECONDS + ${OBSERVE_S:-300}))
  burn='' firing=''
  while :; do
    burn=$(query "max(namespace_job_slo:slo_burn_rate:ratio_increase5m{namespace=\"$NAMESPACE\"})") || die "$PROMETHEUS_URL does not answer"
    firing=$(query "count(ALERTS{alertstate=\"firing\",severity=\"critical\",namespace=\"$NAMESPACE\"})") || die "$PROMETHEUS_URL does not answer"
    [ -z "$firing" ] || [ "$firing" = 0 ] || die "$firing critical alerts of $NAMESPACE fire"
    if [ -n "$burn" ] && awk -v burn="$burn" -v most="$FASTEST_BURN" 'BEGIN { exit !(burn + 0 >= most) }'; then
      die "the error budget of $NAMESPACE burns $burn times as fast as it may (at most $FASTEST_BURN)"
    fi
    [ "$SECONDS" -lt "$end" ] || break
    sleep "${ROLLOUT_PAUSE_S:-5}"
  done
  if [ -n "$burn" ]; then
    say "no critical alert, and a burn rate of $burn"
  else
    skip_part "the burn rate of $NAMESPACE: Prometheus knows none, as nothing asked the service"
  fi
else
  skip_part "the objectives of $ENVIRONMENT: PROMETHEUS_URL is not set"
fi
summary "$ENVIRONMENT runs \`$DIGEST\`"
