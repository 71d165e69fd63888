# shellcheck shell=bash
# For the steps that speak to a cluster, after lib.sh.
#   KUBE_CONFIG_B64  a kubeconfig in base64; without it the step is skipped

# The cluster of the environment, in a file that nobody else reads and that goes with the step.
cluster_or_skip() {
  [ -n "${KUBE_CONFIG_B64:-}" ] || skip "$1: KUBE_CONFIG_B64 is not set, so there is no cluster to speak to"
  need_or_skip kubectl
  [ -n "${TEMPORARY:-}" ] || temporary_folder
  export KUBECONFIG=$TEMPORARY/kubeconfig
  (umask 077 && printf '%s' "$KUBE_CONFIG_B64" | base64 --decode >"$KUBECONFIG" 2>/dev/null) || die 'KUBE_CONFIG_B64 is not base64'
  unset KUBE_CONFIG_B64
  kubectl version --request-timeout=20s >/dev/null 2>&1 || die 'the cluster of KUBE_CONFIG_B64 does not answer, or does not know us'
}

check_environment() { [[ $1 =~ ^(non-prod|prod)$ ]] || die "'$1' is no environment: non-prod or prod"; }

# A value of the release as Git has it: `release_value non-prod migrations.enabled`.
release_value() { node scripts/ci/release-values.ts "$1" --value "$2" || die "the values of $1 cannot be read: see above"; }
