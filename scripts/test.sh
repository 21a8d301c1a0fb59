#!/usr/bin/env bash
# test.sh [pytest arguments]: from a bare checkout to a tested one. STRICT=1: nothing may be skipped.
# With arguments only what they name is run; the pages' TypeScript has `npm test -- sender` of its own.
# NIGHTLY=1: also what is marked so (pyproject.toml).
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

[ -n "${STRICT:-}" ] && export STRICT MIMIA_STRICT=1
bash scripts/setup.sh test
if [ $# = 0 ] && [ -f "$FRONTEND/package.json" ] && grep -q '"test"' "$FRONTEND/package.json"; then
    say "testing the pages' TypeScript"
    (cd "$FRONTEND" && PATH="$(find_node):$PATH" npm run --silent test)
fi
# One thread per process: two measuring processes on two cores else starve one another.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
[ $# = 0 ] || exec "$VENV/bin/python" -m pytest "$@"
# All of them in two processes (tests/parallel.py); then the browsers alone, which keep real time.
failed=0
some="not browser and not nightly"
[ -z "${NIGHTLY:-}" ] || some="not browser"
"$VENV/bin/python" -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -m "$some" || failed=$?
"$VENV/bin/python" -m pytest -m browser || failed=$?
exit "$failed"
