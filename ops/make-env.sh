#!/bin/sh
# Writes .env with random passwords for docker compose. Never overwrites one that exists: the data stores know its passwords.
set -eu
target="${1:-$(dirname "$0")/../.env}"
if [ -e "$target" ]; then
  echo "$target exists already; remove it first if you really want new passwords (the data volumes keep the old ones)." >&2
  exit 1
fi
random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
umask 077
cat > "$target" <<ENV
# Written by ops/make-env.sh. Keep it secret.
POSTGRES_PASSWORD=$(random)
REDIS_PASSWORD=$(random)
GRAFANA_PASSWORD=$(random)
# simulated, binance-demo, binance-testnet or binance; see .env.example for the rest.
EVENKEEL_VENUE=simulated
#EVENKEEL_VENUE_API_KEY=
#EVENKEEL_VENUE_API_SECRET=
# Or, instead of the secret, an Ed25519 key: the PEM in double quotes, over several lines.
#EVENKEEL_VENUE_PRIVATE_KEY=
ENV
echo "Wrote $target. Next: docker compose up -d"
