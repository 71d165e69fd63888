#!/usr/bin/env bash
# A cluster of kind for `npm run test:cluster`, with a registry that it pulls from and metrics-server.
#   scripts/kind-cluster.sh up|down
#   KIND_NODE_IMAGE  another version of Kubernetes
#   TEST_REGISTRY    the registry, as localhost:PORT (default localhost:5000), for this machine and for the cluster
# May be run again at any time: it makes only what is not there.
set -euo pipefail

readonly NAME=hello-world
readonly NODE_IMAGE=${KIND_NODE_IMAGE:-kindest/node:v1.36.1@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5}
readonly REGISTRY_IMAGE=registry:${REGISTRY_TAG:-3}
readonly REGISTRY_NAME=$NAME-registry
readonly REGISTRY=${TEST_REGISTRY:-localhost:5000}
readonly METRICS_SERVER=https://github.com/kubernetes-sigs/metrics-server/releases/download/v0.8.1/components.yaml

say() { printf 'kind-cluster: %s\n' "$*" >&2; }
die() { say "$*" && exit 1; }

needs() {
  local tool
  for tool in "$@"; do command -v "$tool" >/dev/null || die "there is no $tool on the PATH"; done
  docker info >/dev/null 2>&1 || die 'no Docker Engine answers'
}

registry() {
  [[ $REGISTRY == localhost:* ]] || die "TEST_REGISTRY is $REGISTRY: this script makes one on localhost:PORT only"
  if [ "$(docker inspect --format '{{.State.Running}}' "$REGISTRY_NAME" 2>/dev/null)" != true ]; then
    docker rm --force "$REGISTRY_NAME" >/dev/null 2>&1 || true
    docker run --detach --name "$REGISTRY_NAME" --network kind --publish "127.0.0.1:${REGISTRY#*:}:5000" \
      --cap-drop ALL --security-opt no-new-privileges "$REGISTRY_IMAGE" >/dev/null
  fi
  # In a node `localhost` is the node itself.
  local node
  for node in $(kind get nodes --name "$NAME"); do
    docker exec --interactive "$node" sh -c "mkdir -p /etc/containerd/certs.d/$REGISTRY && cat >/etc/containerd/certs.d/$REGISTRY/hosts.toml" \
      <<<"[host.\"http://$REGISTRY_NAME:5000\"]"
  done
}

metrics_server() {
  kubectl --context "kind-$NAME" apply --filename "$METRICS_SERVER"
  # kind's kubelets sign their certificates themselves.
  kubectl --context "kind-$NAME" --namespace kube-system patch deployment metrics-server --type json \
    --patch '[{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--kubelet-insecure-tls"}]'
  kubectl --context "kind-$NAME" --namespace kube-system rollout status deployment metrics-server --timeout 180s
}

case "${1:-}" in
  up)
    needs docker kind kubectl
    kind get clusters 2>/dev/null | grep -qx "$NAME" || kind create cluster --name "$NAME" --image "$NODE_IMAGE" --wait 180s
    registry
    kubectl --context "kind-$NAME" --namespace kube-system get deployment metrics-server >/dev/null 2>&1 || metrics_server
    kubectl config use-context "kind-$NAME" >/dev/null
    say "ready: TEST_REGISTRY=$REGISTRY npm run test:cluster"
    ;;
  down)
    needs docker kind
    kind delete cluster --name "$NAME"
    docker rm --force --volumes "$REGISTRY_NAME" >/dev/null
    ;;
  *) die 'usage: scripts/kind-cluster.sh up|down' ;;
esac
