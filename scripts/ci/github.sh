# shellcheck shell=bash
# For the steps that push with a token, after lib.sh: git gets it by its environment, for GitHub alone, so that it is in
# no argument, in no file and not in .git/config, where a later step would find it.

# The job's token, or the step is skipped: `token_or_skip GH_TOKEN 'what it is for'`.
token_or_skip() {
  [ -n "${!1:-}" ] || skip "$1 is not set: $2"
  export GH_TOKEN=${!1}
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.${GITHUB_SERVER_URL:-https://github.com}/.extraheader"
  GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $(printf 'x-access-token:%s' "$GH_TOKEN" | base64 | tr -d '\n')"
  export GIT_CONFIG_VALUE_0
}
