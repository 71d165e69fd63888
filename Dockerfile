# The service's image; it also runs the migrations and prints the configuration (docs/decisions/0012-image.md).
# Build it by scripts/build-image.sh, which knows what the arguments below should be.

# Both images are pinned by digest; scripts/refresh-digests.ts renews them.
FROM node:26-trixie-slim@sha256:930557a230abacbc3f4fd9b8648abf8f4bee1e17cb72195dcdfb2f709bc85b33 AS node

FROM node AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --omit=optional --ignore-scripts

FROM node AS build
WORKDIR /app
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

FROM node AS assemble
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
COPY --from=dependencies /app/node_modules /image/app/node_modules
COPY --from=build /app/dist /image/app/dist
COPY package.json deploy/image/healthcheck.mjs /image/app/
RUN mkdir -p /image/usr/local/bin /image/usr/local/lib && cp /usr/local/bin/node /image/usr/local/bin/ \
 && cp -L "$(ldconfig -p | awk '$1 == "libatomic.so.1" { print $NF; exit }')" /image/usr/local/lib/libatomic.so.1

FROM gcr.io/distroless/cc-debian13:nonroot@sha256:d97bc0a941b8d4be647dc0ee75b264ddbb772f1ac5ba690a4309c00723b23775
COPY --from=assemble /image/usr /usr
COPY --from=assemble /image/app /app
ENV LD_LIBRARY_PATH=/usr/local/lib
ENV NODE_ENV=production
WORKDIR /app
USER 65532
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
  CMD ["/usr/local/bin/node", "--max-old-space-size=16", "/app/healthcheck.mjs"]
ENTRYPOINT ["/usr/local/bin/node"]
CMD ["dist/apps/hello-world/src/main.js"]
