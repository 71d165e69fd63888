#!/usr/bin/env bash
# Whether every job before this one was well. A check that is required must itself never be skipped: GitHub takes that
# for a success.
#   NEEDS='{"gates":{"result":"success"}}' scripts/ci/verdict.sh
#   NEEDS     the context `needs` as JSON
#   MAY_SKIP  jobs that may have been skipped, with a blank between two
. "$(dirname "$0")/lib.sh"

need jq
results=$(jq -er 'to_entries[] | "\(.key) \(.value.result)"' <<<"${NEEDS:-}") && [ -n "$results" ] \
  || die 'NEEDS is not the context of the jobs before this one'
bad=()
while read -r job result; do
  case $result in
    success) say "$job: success" ;;
    skipped)
      if [[ " ${MAY_SKIP:-} " == *" $job "* ]]; then
        skip_part "$job, which this repository does not have"
      else
        bad+=("$job was skipped")
      fi
      ;;
    *) bad+=("$job: $result") ;;
  esac
done <<<"$results"
[ ${#bad[@]} = 0 ] || die "$(IFS=';' && echo "${bad[*]}")"
