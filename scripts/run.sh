#!/usr/bin/env bash
# run.sh PORT: everything from a bare checkout to a running site (see run.py for the second half).
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

PORT="${1:-8000}"
# Asked before the long steps; run.py asks again, more closely.
if [[ ! "$PORT" =~ ^[0-9]{1,5}$ ]] || [ "$PORT" -lt 1 ] || [ "$PORT" -gt 65535 ]; then
    die "PORT=$PORT is not a port; choose one between 1 and 65535"
fi
if (exec 3<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
    die "port $PORT is in use; choose another: make run PORT=$((PORT % 65535 + 1))"
fi
bash scripts/setup.sh run
exec "$VENV/bin/python" scripts/run.py --port "$PORT"
