#!/usr/bin/env bash
# Makes a release of what main has built and tested: no build, the same digest. Gives the image X.Y.Z (and `latest`, where
# no release is newer), packs the chart of that commit with the same version, signs and pushes it, and writes the release
# on GitHub. May be run again. Its results, for scripts/ci/set-digest.ts prod: tag, digest, chart-digest.
#   REPOSITORY=registry/hello-world scripts/ci/promote.sh release/X.Y.Z
#   REVISION          the commit (default: that of the tag here)
#   CHART_REPOSITORY  where charts are (default: charts/ beside the image)
#   GH_TOKEN          writes the release on GitHub
# The image is to be signed by main (CERTIFICATE_IDENTITY), the chart is signed by the workflow of this tag.
. "$(dirname "$0")/lib.sh"

readonly RELEASE=${1:-}
[[ $RELEASE =~ ^release/((0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*))$ ]] \
  || die "usage: scripts/ci/promote.sh release/X.Y.Z; '$RELEASE' is no such tag"
readonly VERSION=${BASH_REMATCH[1]}
[ -n "${REPOSITORY:-}" ] || skip 'REPOSITORY is not set: there is no registry to promote in'
need git cosign helm
readonly CHARTS=${CHART_REPOSITORY:-${REPOSITORY%/*}/charts}
readonly CHART=$CHARTS/hello-world

commit=${REVISION:-$(git rev-parse --verify --quiet "refs/tags/$RELEASE^{commit}" || true)}
[[ $commit =~ ^[0-9a-f]{40}$ ]] || die "there is no tag $RELEASE here: git fetch --tags"
git merge-base --is-ancestor "$commit" HEAD || die "$commit is not a commit of the branch that is checked out here (main): a release is of what main has tested"

# --- The image -----------------------------------------------------------------------------------------------------------
digest=$(oci digest "$REPOSITORY" "sha-$commit")
[ -n "$digest" ] || die "$REPOSITORY has no sha-$commit: the pipeline of main has not built it, or not yet"
scripts/ci/gate-signed.sh "$REPOSITORY@$digest"
built_from=$(oci label "$REPOSITORY" "$digest" org.opencontainers.image.revision)
[ "$built_from" = "$commit" ] || die "$REPOSITORY@$digest is built from '$built_from', not from $commit"
taken=$(oci digest "$REPOSITORY" "$VERSION")
[ -z "$taken" ] || [ "$taken" = "$digest" ] || die "$REPOSITORY has another $VERSION, $taken: a version is given once"

# --- The chart -----------------------------------------------------------------------------------------------------------
temporary_folder
git archive "$commit" deploy/helm/hello-world | tar -x -C "$TEMPORARY"
helm package "$TEMPORARY/deploy/helm/hello-world" --version "$VERSION" --app-version "$VERSION" --destination "$TEMPORARY" >/dev/null
packed=$TEMPORARY/hello-world-$VERSION.tgz
chart_digest=$(oci digest "$CHART" "$VERSION")
if [ -n "$chart_digest" ]; then
  oci holds "$CHART" "$chart_digest" "$packed" >/dev/null || die "$CHART has another $VERSION: a version is given once"
  say "$CHART has $VERSION already"
else
  plain_http=()
  if [[ $CHARTS =~ ^(localhost|127\.0\.0\.1)(:|/) ]]; then plain_http=(--plain-http); fi
  helm push "$packed" "oci://$CHARTS" "${plain_http[@]}" >/dev/null 2>&1 || die "the chart was not pushed to oci://$CHARTS"
  chart_digest=$(oci digest "$CHART" "$VERSION")
  say "pushed the chart $CHART:$VERSION, $chart_digest"
fi
if [ -n "${GITHUB_REPOSITORY:-}" ]; then
  export CERTIFICATE_IDENTITY=${CHART_IDENTITY:-https://github.com/$GITHUB_REPOSITORY/.github/workflows/ci.yml@refs/tags/$RELEASE}
fi
scripts/ci/verify.sh --chart "$CHART@$chart_digest" 2>/dev/null || {
  scripts/ci/sign.sh --chart "$CHART@$chart_digest"
  scripts/ci/verify.sh --chart "$CHART@$chart_digest"
}

# Which release is the newest is asked now, and of GitHub: another one may have come, and ended, while this one ran.
releases=$(git tag --list 'release/*')
if [ -n "${GH_TOKEN:-}" ] && have gh; then
  releases+=$'\n'$(gh api --paginate "repos/$GITHUB_REPOSITORY/git/matching-refs/tags/release/" --jq '.[].ref | ltrimstr("refs/tags/")') \
    || die 'GitHub does not show its release tags'
fi
newest=$(printf '%s\n' "$releases" "$RELEASE" | grep -E '^release/[0-9]+\.[0-9]+\.[0-9]+$' | sort -V | tail -n 1)
tags=("$VERSION")
if [ "$newest" = "$RELEASE" ]; then tags+=(latest); else say "$newest is newer: latest stays with it"; fi
# Last, so that a version whose chart is refused is nobody's.
tagged=$(oci tag "$REPOSITORY" "$digest" "${tags[@]}") || die "$digest was not promoted"
say "$REPOSITORY@$digest: $tagged"

# --- What is new ---------------------------------------------------------------------------------------------------------
section() { awk -v title="## [$1]" 'index($0, "## ") == 1 { on = index($0, title) == 1; next } on' <(git show "$commit:CHANGELOG.md"); }
mkdir -p "$OUT"
notes=$(section "$VERSION")
[ -n "$notes" ] || notes=$(section Unreleased)
# shellcheck disable=SC2016 # Markdown's backquotes
printf '%s\n\nImage `%s@%s`, chart `%s@%s`.\n' "$notes" "$REPOSITORY" "$digest" "$CHART" "$chart_digest" >"$OUT/release-notes.md"
if [ -z "${GH_TOKEN:-}" ]; then
  skip_part "no release on GitHub: GH_TOKEN is not set; what it would say is in $OUT/release-notes.md"
elif ! have gh; then
  skip_part "no release on GitHub: there is no gh on the PATH; what it would say is in $OUT/release-notes.md"
else
  gh release create "$RELEASE" --verify-tag --title "$VERSION" --notes-file "$OUT/release-notes.md" \
    || gh release edit "$RELEASE" --title "$VERSION" --notes-file "$OUT/release-notes.md"
fi

output tag "$VERSION"
output digest "$digest"
output chart-digest "$chart_digest"
summary "$VERSION is \`$REPOSITORY@$digest\`, its chart \`$CHART@$chart_digest\`"
say "$VERSION is $digest, its chart $chart_digest"
