#!/usr/bin/env bash
# Looks for secrets (gitleaks) in every commit of the history, and in the files as they are here now. What only looks
# like one is in .gitleaks.toml, with a reason.
#   scripts/ci/secrets.sh
. "$(dirname "$0")/lib.sh"

need_or_skip git gitleaks
options=(--no-banner --redact --config .gitleaks.toml --log-level error --verbose)
mkdir -p "$OUT/reports"

if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
  skip_part 'the history before this commit: the clone is shallow (git fetch --unshallow)'
fi
gitleaks git "${options[@]}" --report-path "$OUT/reports/gitleaks-history.json" . \
  || die 'a commit has a secret: replace it where it is used, whether or not it is taken out of the history (SECURITY.md)'

# What git knows or would add; node_modules and the like are neither.
temporary_folder
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  if [ -f "$file" ]; then printf '%s\0' "$file"; fi
done >"$TEMPORARY/list"
mkdir "$TEMPORARY/files"
tar -c --null --files-from "$TEMPORARY/list" | tar -x -C "$TEMPORARY/files"
config=$PWD/.gitleaks.toml report=$PWD/$OUT/reports/gitleaks-files.json
[[ $OUT != /* ]] || report=$OUT/reports/gitleaks-files.json
(cd "$TEMPORARY/files" && gitleaks dir "${options[@]}" --config "$config" --report-path "$report" .) \
  || die 'a file has a secret: take it out before it is committed'
say "no secret in $(git rev-list --count HEAD) commits and $(tr -cd '\0' <"$TEMPORARY/list" | wc -c) files"
