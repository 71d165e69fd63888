#!/usr/bin/env bash
# Trivy: fails for what is of severity HIGH or CRITICAL and can be mended. What is accepted is in .trivyignore.yaml, where
# there is one.
#   scripts/ci/trivy.sh fs               locked packages
#   scripts/ci/trivy.sh config           Dockerfile, chart, manifests
#   scripts/ci/trivy.sh image [IMAGE]    the image that was built (out/image.tar), or one in a registry, by its digest
. "$(dirname "$0")/lib.sh"

readonly WHAT=${1:-} IMAGE=${2:-}
case $WHAT/$# in
  fs/1 | config/1 | image/1 | image/2) ;;
  *) die 'usage: scripts/ci/trivy.sh fs|config|image [REPOSITORY@DIGEST]' ;;
esac
need_or_skip trivy
mkdir -p "$OUT/reports"

options=(--quiet --severity 'HIGH,CRITICAL' --exit-code 1)
[ ! -f .trivyignore.yaml ] || options+=(--ignorefile .trivyignore.yaml)
case $WHAT in
  fs) command=(fs --scanners vuln --ignore-unfixed --skip-dirs node_modules .) ;;
  config) command=(config --skip-dirs node_modules --skip-dirs '**/test' .) ;;
  image)
    if [ -n "$IMAGE" ]; then
      check_reference "$IMAGE"
      command=(image --scanners 'vuln,secret' --ignore-unfixed "$IMAGE")
    else
      oci check "$OUT" >/dev/null || die "there is no image to look at: scripts/ci/image.sh makes $OUT/image.tar"
      command=(image --scanners 'vuln,secret' --ignore-unfixed --input "$OUT/image.tar")
    fi
    ;;
esac
trivy "${command[0]}" "${options[@]}" "${command[@]:1}" 2>&1 | tee "$OUT/reports/trivy-$WHAT.txt" \
  || die "trivy finds something HIGH or CRITICAL, or could not look: see above; what is to be accepted goes to .trivyignore.yaml with a reason and a last day"
say "nothing HIGH or CRITICAL that can be mended ($WHAT)"
