#!/usr/bin/env bash
# lint.sh: every check that needs no running site. All of them run; the exit code says if any failed.
set -uo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

bash scripts/setup.sh test || exit $?
PATH="$VENV/bin:$PATH"
failed=()

check() {
    local name="$1"
    shift
    say "$name"
    "$@" || failed+=("$name")
}

typescript() {
    [ -f "$FRONTEND/package.json" ] || return 0
    (cd "$FRONTEND" && PATH="$(find_node):$PATH" npm run --silent check)
}

published() {
    local fresh
    fresh=$(mktemp)
    python manage.py spectacular --format openapi-json --fail-on-warn --file "$fresh" &&
        { cmp -s "$fresh" "$FRONTEND/api.json" || { say "api.json is stale: make schema" && false; }; }
    local found=$?
    rm -f "$fresh"
    return $found
}

check "ruff check" ruff check .
check "ruff format" ruff format --check --quiet .
check "mypy" mypy
check "import-linter" lint-imports
check "migrations" python manage.py makemigrations --check --dry-run
check "templates" djlint templates --lint --quiet
check "published schema" published
check "typescript" typescript
check "house rules" python scripts/house_rules.py

if [ "${#failed[@]}" -gt 0 ]; then
    printf 'lint: failed: %s\n' "${failed[*]}" >&2
    exit 1
fi
say "lint: all clean"
