#!/usr/bin/env bash
# Looks at the pipeline itself: actionlint and zizmor at the workflows, and schemas at workflows, Dependabot and Compose.
# GH_TOKEN lets zizmor ask GitHub as well (whether a pinned commit is one of its tag); without it, it stays offline.
#   scripts/ci/workflows.sh
. "$(dirname "$0")/lib.sh"

failed=()
# A check whose tool is not here is left out, unless the caller counts on it.
check() {
  local tool=$1
  if ! have "$tool"; then
    [ "${REQUIRE_TOOLS:-}" != true ] || die "there is no $tool on the PATH, and REQUIRE_TOOLS is set"
    skip_part "$tool: it is not on the PATH"
  elif "$@"; then
    say "$* passed"
  else
    failed+=("$tool")
  fi
}

shopt -s nullglob
workflows=(.github/workflows/*.yml .github/workflows/*.yaml)
actions=(.github/actions/*/action.yml)
[ ${#workflows[@]} -gt 0 ] || skip 'there are no workflows in .github/workflows'

check actionlint
zizmor=(--quiet --persona=pedantic --no-progress)
# An empty one it takes for a mistake.
if [ -z "${GH_TOKEN:-}" ]; then unset GH_TOKEN && zizmor+=(--offline); fi
check zizmor "${zizmor[@]}" .github
check check-jsonschema --builtin-schema vendor.github-workflows "${workflows[@]}"
[ ${#actions[@]} = 0 ] || check check-jsonschema --builtin-schema vendor.github-actions "${actions[@]}"
[ ! -f .github/dependabot.yml ] || check check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
check check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
[ ${#failed[@]} = 0 ] || die "failed: ${failed[*]}"
