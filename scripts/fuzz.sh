#!/usr/bin/env bash
# fuzz.sh [how many stories]: every wrong value in every field, then stories that differ at each run,
# on SQLite and, where it is installed, on PostgreSQL. Anything answered with a 5xx is printed.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

bash scripts/setup.sh test
exec "$VENV/bin/python" scripts/fuzz.py --thorough --random --examples "${1:-2000}"
