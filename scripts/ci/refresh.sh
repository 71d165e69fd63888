#!/usr/bin/env bash
# Pins base images to the digests of today and tools to their newest versions, and proposes that as a pull request. The
# pull request is the same each time, and runs through the gates as any other.
#   GH_TOKEN  of an app: what GitHub's own token pushes starts no pipeline
. "$(dirname "$0")/lib.sh"
. scripts/ci/github.sh

readonly BRANCH=refresh/images-and-tools
readonly TITLE='build: base images and tools as of today'

[ -z "$(git status --porcelain)" ] || die 'there are changes here already: commit or discard them first'
# A registry that does not answer leaves its images as they are, and says so.
npm run refresh:digests --silent || skip_part 'some images: a registry did not say what their tags are now'
if have mise; then
  node scripts/ci/refresh-tools.ts mise.toml mise.ci.toml
else
  skip_part 'tools: there is no mise on the PATH'
fi
if [ -z "$(git status --porcelain)" ]; then
  say 'everything is as of today'
  exit
fi
git diff --stat

token_or_skip GH_TOKEN 'the pull request is an app'\''s (vars.GITOPS_APP_CLIENT_ID), so that the pipeline runs on it'
need gh
git -c user.name='hello-world refresh' -c user.email=refresh@hello-world.invalid commit --quiet --all --message "$TITLE"
git push --quiet --force origin "HEAD:refs/heads/$BRANCH" || die "no push of $BRANCH"
if [ -n "$(gh pr list --head "$BRANCH" --state open --json number --jq '.[].number')" ]; then
  say 'the pull request is renewed'
else
  gh pr create --base main --head "$BRANCH" --title "$TITLE" --body 'By .github/workflows/refresh.yml. Read what changed upstream before you merge.'
fi
