#!/usr/bin/env bash
# Whether there is a registry on AWS to push to, before anything is tried: says what is missing, and where it is set.
# `available` is true or false for the steps after this one.
#   AWS_REGION=… ECR_REPOSITORY=… [AWS_ROLE_ARN=…] scripts/ci/aws-check.sh
#   AWS_ROLE_ARN  the role to take by OIDC; without one, that of the runner. In a workflow it is vars.AWS_ROLE_ARN, and for
#                 pull requests and the merge queue vars.AWS_PULL_REQUEST_ROLE_ARN
. "$(dirname "$0")/lib.sh"

absent() { output available false && skip "$1: nothing is pushed"; }

[ -n "${AWS_REGION:-}" ] || absent 'AWS_REGION is not set (a variable of the repository)'
[ -n "${ECR_REPOSITORY:-}" ] || absent 'ECR_REPOSITORY is not set (a variable of the repository)'
[[ $AWS_REGION =~ ^[a-z]{2}(-[a-z]+)+-[0-9]+$ ]] || die "AWS_REGION '$AWS_REGION' is no region, as eu-central-1"
[[ $ECR_REPOSITORY =~ ^[a-z0-9]+([._/-][a-z0-9]+)*$ ]] || die "ECR_REPOSITORY '$ECR_REPOSITORY' is no name of a repository: lower case, digits, . _ / -"

if [ -n "${AWS_ROLE_ARN:-}" ]; then
  [[ $AWS_ROLE_ARN =~ ^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$ ]] \
    || die "AWS_ROLE_ARN is no ARN of a role, as arn:aws:iam::123456789012:role/hello-world-push"
  # China is a partition of its own: its roles and its regions go together.
  case $AWS_REGION/$AWS_ROLE_ARN in
    cn-*/arn:aws-cn:*) ;;
    cn-*/* | */arn:aws-cn:*) die "the role $AWS_ROLE_ARN is not of the partition of AWS that has the region '$AWS_REGION'" ;;
  esac
  [ -n "${ACTIONS_ID_TOKEN_REQUEST_URL:-}" ] || die 'the job may not ask for an identity: give it id-token: write, to take AWS_ROLE_ARN'
  say "$ECR_REPOSITORY in $AWS_REGION, by the role $AWS_ROLE_ARN"
elif [ "${RUNNER_ENVIRONMENT:-}" = github-hosted ]; then
  die 'there is no role to take on a runner of GitHub: set vars.AWS_ROLE_ARN (of pull requests vars.AWS_PULL_REQUEST_ROLE_ARN), or run on runners that have one (vars.RUNNER_LABELS)'
else
  say "$ECR_REPOSITORY in $AWS_REGION, by the role of this runner"
fi
output available true
