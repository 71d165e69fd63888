#!/usr/bin/env bash
# Logs docker, and with it cosign and helm, in to ECR, and says where the image's repository is.
#   AWS_REGION=… ECR_REPOSITORY=hello-world scripts/ci/ecr-login.sh
#   AWS_ACCOUNT_ID  where the registry is; default: the account of the credentials
# scripts/ci/aws-check.sh says beforehand whether there is anything to log in to.
. "$(dirname "$0")/lib.sh"

[ -n "${AWS_REGION:-}" ] || die 'AWS_REGION is not set: it says where the registry is'
# What starts by the clock does not know the repository by its name alone.
repository=${GITHUB_REPOSITORY:-}
ECR_REPOSITORY=${ECR_REPOSITORY:-${repository##*/}}
[ -n "$ECR_REPOSITORY" ] || die 'ECR_REPOSITORY is not set: it says what the repository is called'
need aws docker

account=${AWS_ACCOUNT_ID:-$(aws sts get-caller-identity --query Account --output text)} \
  || die 'AWS knows no caller: the job needs AWS_ROLE_ARN with id-token: write, or a runner with an instance role'
[[ $account =~ ^[0-9]{12}$ ]] || die "'$account' is no account of AWS: its twelve digits are"
# China has a domain of its own.
domain=amazonaws.com
[[ $AWS_REGION != cn-* ]] || domain=amazonaws.com.cn
registry=$account.dkr.ecr.$AWS_REGION.$domain
# The password goes from one to the other and is nowhere else.
aws ecr get-login-password --region "$AWS_REGION" | docker login --username AWS --password-stdin "$registry" >/dev/null 2>&1 \
  || die "no login to $registry: the role needs ecr:GetAuthorizationToken (deploy/ecr/push-policy.json)"
output registry "$registry"
output repository "$registry/$ECR_REPOSITORY"
say "logged in to $registry for $ECR_REPOSITORY"
