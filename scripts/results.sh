#!/usr/bin/env bash
# results.sh: re-train and re-evaluate on the public cohorts in MIMIA_DATA, then on drawn people;
# rewrites docs/results.md and docs/results-phantom.md.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

if [ -z "${MIMIA_DATA:-}" ]; then
    [ -d ../shared/data ] && MIMIA_DATA=../shared/data ||
        die "MIMIA_DATA must name the folder of the public cohorts (see docs/operations.md)"
fi
export MIMIA_DATA OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
bash scripts/setup.sh run
"$VENV/bin/python" -m experiments results
exec "$VENV/bin/python" -m experiments results-phantom --out docs/results-phantom.md --cache var/phantom
