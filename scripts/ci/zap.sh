#!/usr/bin/env bash
# ZAP's baseline, a passive scan without a login, of the image in a container of its own. Its report is kept in
# out/reports; what it finds is told, and fails the step only with ZAP_BLOCKING=true. .zap/rules.tsv weighs its rules.
#   scripts/ci/zap.sh [IMAGE]    default: the image that was built (out/image.json), else hello-world:local
#   ZAP_IMAGE    another version of ZAP
. "$(dirname "$0")/lib.sh"

readonly ZAP_IMAGE=${ZAP_IMAGE:-ghcr.io/zaproxy/zaproxy:2.17.0@sha256:781a2bdaea47324e7bab583e2263f21d257b0aee61ed51521a5be45f5f5081ef}
need_engine_or_skip
if ! docker image inspect "$ZAP_IMAGE" >/dev/null 2>&1; then
  docker pull --quiet "$ZAP_IMAGE" >/dev/null 2>&1 || skip "there is no image $ZAP_IMAGE here, and no registry that has it answers"
fi
image=${1:-}
if [ -z "$image" ]; then
  image=hello-world:local
  [ ! -f "$OUT/image.json" ] || image=hello-world:$(image_field tag)
fi
docker image inspect "$image" >/dev/null 2>&1 || die "the engine has no $image: scripts/ci/load-image.sh"

temporary_folder
name=hello-world-zap-$$
trap 'docker rm --force --volumes "$name" >/dev/null 2>&1; docker network rm "$name" >/dev/null 2>&1; rm -rf "$TEMPORARY"' EXIT
docker network create --internal "$name" >/dev/null
docker run --detach --name "$name" --network "$name" --network-alias hello-world --read-only --cap-drop ALL "$image" >/dev/null
# ZAP's user writes its report there.
mkdir "$TEMPORARY/zap" && chmod 777 "$TEMPORARY/zap" && cp .zap/rules.tsv "$TEMPORARY/zap/"
code=0
docker run --rm --network "$name" --volume "$TEMPORARY/zap:/zap/wrk" "$ZAP_IMAGE" \
  zap-baseline.py -t http://hello-world:8080/ -c rules.tsv -J zap.json -r zap.html -m 1 || code=$?
mkdir -p "$OUT/reports" && cp "$TEMPORARY"/zap/zap.* "$OUT/reports/" 2>/dev/null || true
case $code in
  0) say 'ZAP finds nothing' ;;
  # 1: a rule that fails here; 2: warnings alone.
  1 | 2)
    [ "${ZAP_BLOCKING:-false}" != true ] || die "ZAP finds something: $OUT/reports/zap.html"
    say "ZAP finds something, which does not block (ZAP_BLOCKING): $OUT/reports/zap.html"
    summary 'findings, which do not block: reports/zap.html'
    ;;
  *) die "ZAP itself failed, with $code" ;;
esac
