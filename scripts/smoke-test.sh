#!/usr/bin/env bash
# Asks a deployed service from outside what everybody may ask, and what nobody may: the page is there; metrics, admin and
# probes are not. Says of each question what it found. One that is answered otherwise is asked again until the deadline:
# a rollout ends, a certificate arrives.
#   scripts/smoke-test.sh [OPTION...] URL
#   --version VERSION      the version that is to answer; it is public nowhere, so this needs
#   --management URL       where /metrics is answered, as with kubectl port-forward
#   --cacert FILE          the CA of the certificate, in place of those that this machine trusts
#   --connect-to H:P:H:P   where to connect to instead, as curl has it: for a name that DNS does not know yet
#   --deadline SECONDS     for all questions together (default 60)
# Ends with 0, with 1 where something is still wrong at the deadline, with 2 where it was called wrongly.
set -euo pipefail

readonly ANSWER_WITHIN_S=5 LONGEST_TEXT=200
readonly NOT_PUBLIC=(/metrics /admin/flags /readyz /livez)

say() { printf 'smoke-test: %s\n' "$*"; }
die() { say "$*" >&2 && exit 2; }

expected_version='' management='' url='' deadline=60
curl_options=(--silent --show-error --max-time "$ANSWER_WITHIN_S" --proto '=http,https')
while [ $# -gt 0 ]; do
  [[ $1 != --* || $# -gt 1 ]] || die "$1 needs a value"
  case $1 in
    --version) expected_version=$2 && shift 2 ;;
    --management) management=${2%/} && shift 2 ;;
    --cacert)
      [ -r "$2" ] || die "--cacert $2 cannot be read"
      curl_options+=(--cacert "$2") && shift 2
      ;;
    --connect-to) curl_options+=(--connect-to "$2") && shift 2 ;;
    --deadline) deadline=$2 && shift 2 ;;
    --*) die "there is no option $1" ;;
    *)
      [ -z "$url" ] || die "one URL, not $url and $1"
      url=${1%/} && shift
      ;;
  esac
done
[[ $url =~ ^https?://[^/]+$ ]] || die "a URL without a path is needed, as https://hello-world.example, not '$url'"
[[ $deadline =~ ^[0-9]+$ ]] || die "--deadline is '$deadline', not a number of seconds"
[ -z "$expected_version" ] || [ -n "$management" ] || die '--version needs --management: the version is not public'
command -v curl >/dev/null || die 'there is no curl on the PATH'

# The status of the answer, a blank, and its text; of no answer, why there is none.
answer() {
  local output
  output=$(curl "${curl_options[@]}" --write-out '\n%{http_code}' "$1" 2>&1 | tr -d '\0') || {
    printf 'no answer: %s' "$(head -n 1 <<<"$output")"
    return
  }
  printf '%s %s' "${output##*$'\n'}" "${output%$'\n'*}"
}

page() { answer "$1"; }
status() {
  local found
  found=$(answer "$1")
  case $found in 'no answer'*) printf '%s' "$found" ;; *) printf '%s' "${found%% *}" ;; esac
}
version() {
  local found
  found=$(answer "$1")
  if [[ $found =~ build_info\{([^}]*,)?version=\"([^\"]*)\" ]]; then
    printf '%s' "${BASH_REMATCH[2]}"
  else
    printf '%s' "$found"
  fi
}

failed=false
expect() { # what it asks, of which URL, and what is to come of it
  local question=$1 target=$2 wanted=$3 found
  while found=$("$question" "$target") && [ "$found" != "$wanted" ] && [ "$SECONDS" -lt "$deadline" ]; do sleep 1; done
  found=${found//$'\n'/ } && found=${found:0:LONGEST_TEXT}
  if [ "$found" = "$wanted" ]; then
    say "ok: the $question of $target is \"$found\""
  else
    say "failed: the $question of $target is \"$found\", not \"$wanted\"" >&2
    failed=true
  fi
}

expect page "$url/" '200 hello world'
for path in "${NOT_PUBLIC[@]}"; do expect status "$url$path" 404; done
[ -z "$expected_version" ] || expect version "$management/metrics" "$expected_version"
if $failed; then
  say "$url is not as it should be, after ${SECONDS} s" >&2
  exit 1
fi
say "$url is as it should be, after ${SECONDS} s"
