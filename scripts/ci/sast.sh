#!/usr/bin/env bash
# Static analysis for security by the rules of this repository (.semgrep/), without a network and without telling anybody.
#   scripts/ci/sast.sh [PATH…]
. "$(dirname "$0")/lib.sh"

need_or_skip semgrep
mkdir -p "$OUT/reports"
export SEMGREP_SEND_METRICS=off SEMGREP_ENABLE_VERSION_CHECK=0
said=$(semgrep scan --error --config .semgrep --json-output="$OUT/reports/semgrep.json" "${@:-.}" 2>&1) || {
  printf '%s\n' "$said"
  die "semgrep finds something, or a rule is none: mend it, or say why it is right by '// nosemgrep: RULE -- WHY'"
}
say "$(cat .semgrep/*.yaml | grep -c '^  - id:') rules find nothing"
