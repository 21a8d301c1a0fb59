#!/usr/bin/env bash
# check.sh: what tells in seconds whether to go on. `make lint` and `make test` say the rest.
set -uo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

bash scripts/setup.sh test || exit $?
PATH="$VENV/bin:$(find_node):$PATH"
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
failed=()
# Rules of permissions, measuring and scoring; none of them starts a server or decodes a film.
QUICK=(
    tests/vocabulary
    tests/screening/test_permissions.py
    tests/screening/test_shadows.py
    tests/ml/measuring/test_geometry.py
    tests/ml/scoring/test_norms.py
    tests/ml/signs/test_signs.py
    tests/ml/scoring/test_calibration.py
    tests/ml/scoring/test_index.py
)

check() {
    local name="$1"
    shift
    say "$name"
    "$@" || failed+=("$name")
}

pages() {
    (cd "$FRONTEND" && npm run --silent check && logged pages-tests npm run --silent test)
}

check "ruff check" ruff check --quiet .
check "ruff format" ruff format --check --quiet .
check "house rules" python scripts/house_rules.py
check "the pages' TypeScript" pages
check "quick tests" python -m pytest -q --no-header "${QUICK[@]}"

if [ "${#failed[@]}" -gt 0 ]; then
    printf 'check: failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
say "check: all clean"
