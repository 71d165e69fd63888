#!/usr/bin/env bash
# Holds the bench to its floors (docs/performance.md).
#   scripts/ci/bench.sh
. "$(dirname "$0")/lib.sh"

npm run bench --silent -- --check
