#!/usr/bin/env bash
# Installs the tools of mise.toml, or of these those that are named, and prints the PATH to them.
# Brings what it needs itself: mise by npm, uv by pip; what is on the PATH already is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly MISE_VERSION=2026.9.15
readonly UV_VERSION=0.13.9
readonly TOOLS_HOME="${XDG_CACHE_HOME:-$HOME/.cache}/hello-world-tools"

say() { printf 'tools: %s\n' "$*" >&2; }

platform() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo linux-x64 ;;
    Linux-aarch64) echo linux-arm64 ;;
    Darwin-x86_64) echo macos-x64 ;;
    Darwin-arm64) echo macos-arm64 ;;
    *) say "no mise for $(uname -sm) here: install it by hand, https://mise.jdx.dev" && exit 1 ;;
  esac
}

if ! command -v mise >/dev/null; then
  if [ ! -x "$TOOLS_HOME/node_modules/.bin/mise" ]; then
    say "mise $MISE_VERSION by npm"
    npm install --silent --no-save --prefix "$TOOLS_HOME" "@jdxcode/mise-$(platform)@$MISE_VERSION"
  fi
  export PATH="$TOOLS_HOME/node_modules/.bin:$PATH"
fi

# mise installs Python tools through uv.
if ! command -v uv >/dev/null; then
  if [ ! -x "$TOOLS_HOME/uv/bin/uv" ]; then
    say "uv $UV_VERSION by pip"
    python3 -m venv "$TOOLS_HOME/uv"
    "$TOOLS_HOME/uv/bin/pip" install --quiet "uv==$UV_VERSION"
  fi
  export PATH="$TOOLS_HOME/uv/bin:$PATH"
fi

mise trust --quiet mise.toml
if [ $# -gt 0 ]; then
  mise install --quiet "$@"
elif command -v go >/dev/null; then
  mise install --quiet
  # Its module replaces another one, which `go install` of a version refuses: it is built from a go.mod of ours.
  if [ ! -x "$TOOLS_HOME/bin/helm-unittest" ] || [ scripts/helm-unittest/go.sum -nt "$TOOLS_HOME/bin/helm-unittest" ]; then
    GOBIN="$TOOLS_HOME/bin" go -C scripts/helm-unittest install tool >&2
  fi
else
  say 'skipped: the tools that mise.toml has as go: are compiled and there is no Go here; the checks that use them say so'
  mise ls --current --no-header | awk '$1 ~ /^pipx:/ { print $1 }' | xargs mise install --quiet
fi
# For the caller: eval "$(scripts/install-tools.sh)"
printf 'export PATH=%q\n' "$(mise bin-paths | paste -sd: -):$TOOLS_HOME/bin:$PATH"
