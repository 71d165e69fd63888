#!/usr/bin/env bash
# Installs the tools that TOOLS names, as mise.toml and mise.ci.toml have them (and helm-unittest, which has a go.mod of
# its own), and puts them on the PATH of the steps that follow in the job. On a desk: eval "$(scripts/install-tools.sh)".
#   TOOLS="pipx:semgrep go:helm.sh/helm/v4/cmd/helm" scripts/ci/tools.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

[ -n "${TOOLS:-}" ] || { echo 'tools: TOOLS names none' >&2 && exit 1; }
export MISE_ENV=ci MISE_TRUSTED_CONFIG_PATHS=$PWD

read -ra named <<<"$(tr '\n' ' ' <<<"$TOOLS")"
tools=()
for tool in "${named[@]}"; do
  if [ "$tool" = helm-unittest ]; then
    GOBIN="${XDG_CACHE_HOME:-$HOME/.cache}/hello-world-tools/bin" go -C scripts/helm-unittest install tool
  else
    tools+=("$tool")
  fi
done
[ ${#tools[@]} -gt 0 ] || { echo 'tools: TOOLS names none of mise' >&2 && exit 1; }
set_path=$(scripts/install-tools.sh "${tools[@]}")
before=$PATH
eval "$set_path"

[ -n "${GITHUB_PATH:-}" ] || { printf '%s\n' "$set_path" && exit 0; }
# The steps that follow have the rest of the PATH already. The last line that is written comes first there.
printf '%s\n' "${PATH%":$before"}" | tr ':' '\n' | tac >>"$GITHUB_PATH"
