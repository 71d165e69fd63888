#!/usr/bin/env bash
# Holds the bench to its floors, where there is one.
#   scripts/ci/bench.sh
. "$(dirname "$0")/lib.sh"

jq --exit-status '.scripts.bench' package.json >/dev/null || skip 'package.json has no bench yet'
npm run bench --silent -- --check
