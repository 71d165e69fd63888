# shellcheck shell=bash
# For the steps that ask GitHub or push to it, after lib.sh.

# The job's token, or the step is skipped: `token_or_skip GH_TOKEN 'what it is for'`. Git gets it by its environment, for
# GitHub alone, so that it is in no argument, in no file and not in .git/config, where a later step would find it.
token_or_skip() {
  [ -n "${!1:-}" ] || skip "$1 is not set: $2"
  export GH_TOKEN=${!1}
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.${GITHUB_SERVER_URL:-https://github.com}/.extraheader"
  GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $(printf 'x-access-token:%s' "$GH_TOKEN" | base64 | tr -d '\n')"
  export GIT_CONFIG_VALUE_0
}

# What the pull request, or the entry of the merge queue, changes: `changed_files JQ`, whose input is a file as GitHub shows
# it. Fails where GitHub does not show all, which it does for less than 300 files.
changed_files() {
  local range
  range=$(jq -r '(.merge_group // {base_sha: .pull_request.base.sha, head_sha: .pull_request.head.sha}) | "\(.base_sha)...\(.head_sha)"' "${GITHUB_EVENT_PATH:?}")
  [[ $range =~ ^[0-9a-f]{40}\.\.\.[0-9a-f]{40}$ ]] || die 'the event names no commits to compare'
  gh api "repos/$GITHUB_REPOSITORY/compare/$range" \
    --jq "if (.files | length) < 300 then .files[] | $1 else error(\"too many files\") end"
}
