# One image runs the service, runs the migrations and prints the configuration (docs/decisions/0012-image.md).
# Build it by scripts/build-image.sh, which knows the arguments. Each stage leaves its part of the image in /image.

FROM node:26-trixie-slim@sha256:930557a230abacbc3f4fd9b8648abf8f4bee1e17cb72195dcdfb2f709bc85b33 AS base
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /app
COPY --chmod=755 deploy/image/settle.sh /

FROM base AS node
# The version is Debian's for the whole life of a release; what changes are its own patches.
RUN apt-get update && apt-get install --yes --no-install-recommends binutils=2.44-* && rm -rf /var/lib/apt/lists/*
WORKDIR /image
# The loader looks into /usr/lib on every architecture. The package's record is for scanners, as the base image has it.
RUN mkdir -p usr/local/bin usr/lib usr/share/doc/nodejs var/lib/dpkg/status.d \
  && strip -o usr/local/bin/node /usr/local/bin/node \
  && cp /usr/local/LICENSE usr/share/doc/nodejs/copyright \
  && cp --dereference /usr/lib/*/libatomic.so.1 usr/lib/ \
  && dpkg-query --status libatomic1 > var/lib/dpkg/status.d/libatomic1 \
  && /settle.sh usr/local/bin/node

FROM base AS dependencies
WORKDIR /image/app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional --ignore-scripts
COPY --chmod=755 deploy/image/prune-dependencies.sh /
RUN /prune-dependencies.sh node_modules && rm package.json package-lock.json .npmrc && /settle.sh

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json .swcrc ./
COPY scripts ./scripts
COPY migrations ./migrations
COPY libs ./libs
COPY apps ./apps
ARG VERSION=0.0.0-unversioned
ARG REVISION=unknown
RUN npm run build
RUN install --directory --owner=65532 dist/apps/hello-world/compile-cache \
  && setpriv --reuid=65532 --regid=65532 --clear-groups node scripts/fill-compile-cache.ts
WORKDIR /image/app
COPY LICENSE package.json deploy/image/healthcheck.mjs ./
RUN cp -r /app/dist . && find dist -name '*.map' -delete && /settle.sh

FROM gcr.io/distroless/cc-debian13:nonroot@sha256:d97bc0a941b8d4be647dc0ee75b264ddbb772f1ac5ba690a4309c00723b23775
COPY --from=node /image /
COPY --from=dependencies /image /
COPY --from=build /image /
WORKDIR /app
USER 65532
EXPOSE 8080
# Half of what the container may use is for the heap, however much that is: V8's own limit would be beyond a small one.
ENV NODE_OPTIONS=--max-old-space-size-percentage=50
# 16 MB for the check, whatever NODE_OPTIONS gives the service: a percentage would go first (an empty one is none), and
# with the young generation or the whole heap set for the service, the 16 MB would not be the limit.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --start-interval=1s --retries=3 \
  CMD ["/usr/local/bin/node", "--max-old-space-size=16", "--max-old-space-size-percentage", "", \
    "--max-semi-space-size=1", "--max-heap-size=0", "healthcheck.mjs"]
ENTRYPOINT ["/usr/local/bin/node"]
CMD ["dist/apps/hello-world/src/main.js"]

ARG VERSION=0.0.0-unversioned
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=https://github.com/example/hello-world
LABEL org.opencontainers.image.title="hello-world" \
  org.opencontainers.image.description="Reference service: a trivial endpoint, and everything a platform expects around it." \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.source="$SOURCE" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.created="$CREATED"
