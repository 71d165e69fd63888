#!/usr/bin/env bash
# Asks the image from outside. First alone, in a container on port 8080 with ENABLE_METRICS=true, for the page and for
# what it counts; then with Postgres, flagd and a collector (docker-compose.yml, headless), for a trace from the access log
# to the collector. Leaves nothing behind.
#   scripts/ci/integration.sh [IMAGE]    default: the image that was built (out/image.json), else hello-world:local
#   INTEGRATION_PORT        of the container (default 8080)
#   INTEGRATION_DEADLINE_S  for each thing that is awaited (default 60)
. "$(dirname "$0")/lib.sh"

readonly PORT=${INTEGRATION_PORT:-8080} DEADLINE_S=${INTEGRATION_DEADLINE_S:-60}
readonly SERIES='http_requests_total{handler="/",method="GET",status="200"}'
# Of this run, so that others may run beside it.
readonly NAME=hello-world-integration-$$

need curl
need_engine_or_skip
image=${1:-}
if [ -z "$image" ]; then
  image=hello-world:local
  [ ! -f "$OUT/image.json" ] || image=hello-world:$(image_field tag)
fi
docker image inspect "$image" >/dev/null 2>&1 || die "the engine has no $image: scripts/ci/load-image.sh brings it"

# Every port is one that is free: several platforms may run here.
export COMPOSE_PROJECT_NAME=$NAME HELLO_WORLD_IMAGE=$image COMPOSE_PROFILES=headless
export HELLO_WORLD_PORT=0 DB_PORT=0 PROMETHEUS_PORT=0 ALERTMANAGER_PORT=0 ALERT_SINK_PORT=0 JAEGER_PORT=0 GRAFANA_PORT=0
composed=false
clean_up() {
  docker rm --force --volumes "$NAME" >/dev/null 2>&1 || true
  if $composed; then docker compose down --volumes --timeout 5 >/dev/null 2>&1 || true; fi
}
trap clean_up EXIT

# Waits until a command succeeds: `until_true 'what is awaited' command…`.
until_true() {
  local what=$1 end=$((SECONDS + DEADLINE_S))
  shift
  until "$@"; do
    if [ "$SECONDS" -ge "$end" ]; then
      docker logs --tail 20 "$NAME" >&2 2>/dev/null || true
      die "waited ${DEADLINE_S} s in vain: $what"
    fi
    sleep 1
  done
}

ask() { curl --silent --fail --max-time 10 "$@"; }

# --- Alone -----------------------------------------------------------------------------------------------------------------
docker run --detach --name "$NAME" --publish "127.0.0.1:$PORT:8080" --env ENABLE_METRICS=true --read-only --cap-drop ALL \
  "$image" >/dev/null || die "no container of $image on port $PORT: is something else there?"
readonly URL=http://127.0.0.1:$PORT
is_up() { [ "$(ask "$URL/livez" 2>/dev/null)" = alive ]; }
until_true "$URL/livez" is_up
for _ in 1 2 3; do
  [ "$(ask "$URL/")" = 'hello world' ] || die "$URL/ does not answer 'hello world'"
done
count=$(ask "$URL/metrics" | awk -v series="$SERIES" 'index($0, series " ") == 1 { print $2 }')
[ "$count" = 3 ] || die "$SERIES is '${count:-absent}' after 3 requests"
docker stop --time 15 "$NAME" >/dev/null
stopped=$(docker inspect --format '{{.State.ExitCode}}' "$NAME")
[ "$stopped" = 0 ] || die "the container ended with $stopped when it was told to stop"
say "alone: the page, $SERIES = 3, an orderly end"

# --- With what it meets in a cluster ---------------------------------------------------------------------------------------
docker compose version >/dev/null 2>&1 || skip 'Postgres, flagd and collector: there is no Docker Compose'
for needed in $(docker compose config --images); do
  docker image inspect "$needed" >/dev/null 2>&1 || docker pull --quiet "$needed" >/dev/null 2>&1 \
    || skip "Postgres, flagd and collector: the image $needed is not to be had"
done
composed=true
docker compose up --detach --no-build --quiet-pull --wait --wait-timeout 180 \
  hello-world trace-log >/dev/null 2>&1 || {
  docker compose logs --tail 20 >&2
  die 'the platform of docker-compose.yml does not get well'
}
platform=http://$(docker compose port hello-world 8080)
is_ready() { ready=$(ask "$platform/readyz?verbose"); }
until_true "$platform/readyz" is_ready
[[ $ready =~ \"database\":\{[^}]*\"status\":\"up\" ]] || die "readiness knows of no database: $ready"
ask --request POST "$platform/admin/flags?tracing=true" >/dev/null || die 'tracing cannot be turned on'
flags=$(ask "$platform/admin/flags")
[[ $flags == *flagd* ]] || die "no flag comes from flagd: $flags"

readonly REQUEST=integration-$$
ask --header "X-Request-Id: $REQUEST" "$platform/" >/dev/null
find_trace() {
  trace=$(docker compose logs --no-log-prefix hello-world | grep "\"request_id\":\"$REQUEST\"" | sed -nE 's/.*"trace_id":"([0-9a-f]{32})".*/\1/p' | head -n 1)
  [ -n "$trace" ]
}
until_true "the access log line of request $REQUEST, with a trace id" find_trace
has_trace() { docker compose logs trace-log | grep -q "Trace ID *: $trace"; }
until_true "trace $trace at the collector" has_trace
say "with Postgres, flagd and collector: ready, flags from flagd, trace $trace from the log to the collector"
