#!/usr/bin/env bash
# run.sh PORT: everything from a bare checkout to a running site (see run.py for the second half).
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

PORT="${1:-8000}"
bash scripts/setup.sh run
exec "$VENV/bin/python" scripts/run.py --port "$PORT"
