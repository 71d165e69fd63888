#!/usr/bin/env bash
# Takes out of a folder node_modules what is there to be read, typed or tested, but not run.
# Licences stay: who passes code on passes its licence on.
set -euo pipefail
cd "${1:?the folder node_modules}"

# Whole packages: types, and a user interface that the OpenAPI document does not need (docs/decisions/0011).
rm -r @types undici-types swagger-ui-dist
# The same code once more: for browsers, for older syntax, before compilation.
rm -r typeorm/browser rxjs/src rxjs/dist/bundles rxjs/dist/esm5 rxjs/dist/types
# What npm itself keeps here.
rm -r .bin .package-lock.json

# What lies at the root of a package beside its code; further down a folder of such a name may well be code that runs.
find . -regextype posix-extended -type d \
  -regex '(.*/node_modules|\.)/(@[^/]+/)?[^/@][^/]*/(\..*|__tests__|bench|benchmarks?|docs?|examples?|tests?)' \
  -prune -exec rm -r {} +
# Of the rest, what Node loads stays, and licences; sources, types, maps and prose go.
find . -type f -not -iregex '.*/\(licen[cs]e\|copying\|copyright\|notice\|authors\)[^/]*' \
  \( -not -regex '.*\.\([cm]?js\|json\|node\|wasm\|proto\)' -o -name '.*' -o -name 'tsconfig*.json' \) -delete
find . -type d -empty -delete
