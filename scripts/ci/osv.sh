#!/usr/bin/env bash
# Asks the open database of vulnerabilities (osv.dev) about every locked package. What is accepted is in
# .github/osv-scanner.toml, where there is one.
#   scripts/ci/osv.sh
. "$(dirname "$0")/lib.sh"

need_or_skip osv-scanner
mkdir -p "$OUT/reports"
options=(--lockfile package-lock.json)
[ ! -f .github/osv-scanner.toml ] || options+=(--config .github/osv-scanner.toml)
osv-scanner scan source "${options[@]}" --format json --output-file "$OUT/reports/osv.json" || {
  osv-scanner scan source "${options[@]}" || true
  die 'osv-scanner knows of something: update the package, or accept it in .github/osv-scanner.toml with a reason and a last day'
}
say 'osv.dev knows nothing of what is locked'
