# The engine. Its own Node comes with the base image; the database and Redis are other containers.
FROM node:24.21-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without optional packages: the embedded PostgreSQL and the bundled Node are for development.
RUN npm ci --omit=dev --omit=optional --ignore-scripts
COPY entities entities
COPY migrations migrations
COPY engine engine
COPY admin admin
COPY simulator simulator
COPY tsconfig.json mikro-orm.config.ts LICENSE ./

FROM node:24.21-bookworm-slim
ENV NODE_ENV=production EVENKEEL_DATA_DIR=/data
WORKDIR /app
COPY --from=build --chown=root:root /app /app
# Owned by root and read-only for the engine; only /data (the first token, the kill file) is written.
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
VOLUME /data
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9464/livez').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "engine/main.ts"]
