#!/usr/bin/env bash
# Tells Slack how a run has ended: each job with its result, and where to look. The webhook's address is a secret: it goes
# to curl by standard input, so it is in no argument and in no log. What was cancelled has not failed: mostly a newer run
# took its place. A Slack that does not take the notice is a warning: the run is as good as it was.
#   NEEDS='{"publish":{"result":"success"}}' scripts/ci/notify.sh    as in a workflow, toJSON(needs)
#   scripts/ci/notify.sh TEXT                                        a text of one's own
#   SLACK_WEBHOOK_URL    without it the notice is skipped
. "$(dirname "$0")/lib.sh"

[ -n "${SLACK_WEBHOOK_URL:-}" ] || skip 'SLACK_WEBHOOK_URL is not set: nobody is told'
[[ $SLACK_WEBHOOK_URL =~ ^https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9_/.-]*)?$ ]] || die 'SLACK_WEBHOOK_URL is no URL of a webhook'
need curl node

# shellcheck disable=SC2016 # JavaScript's templates
body=$(TEXT=${1:-} node -e '
  const { env } = process;
  const marks = { success: ":white_check_mark:", failure: ":red_circle:", cancelled: ":white_circle:", skipped: ":fast_forward:" };
  const jobs = Object.entries(JSON.parse(env.NEEDS || "{}"));
  const those = (wanted) => jobs.filter(([, { result }]) => result === wanted).map(([job]) => job).join(", ");
  const [failed, cancelled] = [those("failure"), those("cancelled")];
  const run = env.GITHUB_RUN_ID ? `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}/actions/runs/${env.GITHUB_RUN_ID}` : "";
  const what = `${env.GITHUB_REPOSITORY ?? "hello-world"} ${env.GITHUB_REF_NAME ?? ""}`.trim();
  const superseded = `cancelled: ${cancelled} (by a newer run, by hand, or at its time limit)`;
  const verdict = failed ? `failed: ${failed}` : cancelled ? superseded : "passed";
  const title = env.TEXT || `${what}: ${verdict}`;
  const lines = jobs.map(([job, { result }]) => `${marks[result] ?? ""} ${job}: ${result}`);
  console.log(JSON.stringify({ text: [title, ...lines, run && `<${run}|the run>`].filter(Boolean).join("\n") }));
' 2>/dev/null) || die 'NEEDS is not the context of the jobs before this one'

not_told() {
  say "warning: $*, nobody is told"
  summary "warning: $*, nobody is told"
  exit 0
}

# curl reads the address from its configuration on standard input, and the text from a file.
temporary_folder
printf '%s' "$body" >"$TEMPORARY/notice.json"
said=$(printf 'url = "%s"\n' "$SLACK_WEBHOOK_URL" \
  | curl --config - --silent --max-time 20 --retry 2 --retry-max-time 60 --header 'Content-Type: application/json' \
    --data "@$TEMPORARY/notice.json" --output "$TEMPORARY/answer" --write-out '%{http_code}' 2>/dev/null) || not_told 'Slack does not answer'
# Why it refuses, it says in a word, as no_service; other texts may be of anybody on the way.
word=$(head -c 100 "$TEMPORARY/answer" 2>/dev/null | grep -xE '[a-z_]+' || true)
[ "$said" = 200 ] || not_told "Slack answers $said${word:+ $word}"
say 'Slack is told'
