#!/usr/bin/env bash
# mutants.sh [path ...]: which one-line mutations of a module no test sees (scripts/mutants, docs/mutants.md).
# AGAIN=1: those once more that survived. REPORT=1: run nothing, say what is known.
# SHARE=0.3: that share of the mutants. NEAR=1: only the tests that reach the changed line.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

OF="$*"
WORK="$ROOT/var/mutants"
STRYKER="$WORK/stryker/node_modules/@stryker-mutator/core/bin/stryker.js"
bash scripts/setup.sh test
mkdir -p "$WORK"
export OMP_NUM_THREADS=1

# Beside the environment, not in it: nothing that the site or its tests run needs these.
install_tools() {
    local wanted
    wanted="$(digest_of scripts/mutants/requirements.txt)"
    stamped mutants "$wanted" && return 0
    say "installing the mutation tools"
    rm -rf "$WORK/tools"
    logged mutants "$VENV/bin/python" -m pip install --disable-pip-version-check \
        --target "$WORK/tools" -r scripts/mutants/requirements.txt || die "pip could not install the mutation tools"
    stamp mutants "$wanted"
}

install_stryker() {
    local wanted
    wanted="$(digest_of scripts/mutants/package.json scripts/mutants/package-lock.json)"
    stamped stryker "$wanted" && return 0
    say "installing the mutation tool for TypeScript"
    mkdir -p "$WORK/stryker"
    cp scripts/mutants/package.json scripts/mutants/package-lock.json "$WORK/stryker/"
    (cd "$WORK/stryker" && logged stryker npm ci --no-audit --no-fund) || die "npm could not install Stryker"
    stamp stryker "$wanted"
}

# Sessions are kept here too: only what changed is tried again, and with AGAIN=1 all of it.
typescript() {
    local options=(--incrementalFile "$WORK/frontend.json" --tempDirName ../../var/mutants/stryker-tree)
    [ -n "${AGAIN:-}" ] && options+=(--force)
    if [ -n "$1" ]; then
        options+=(--mutate "$1")
        # src/record/sender.ts:195-260 is tried with tests/sender*.test.ts.
        MUTANTS_TESTS="$(basename "${1%%.ts*}")"
        export MUTANTS_TESTS
    fi
    PATH="$(find_node):$PATH"
    install_stryker
    (cd "$FRONTEND" && node "$STRYKER" run "$ROOT/scripts/mutants/stryker.json" "${options[@]}")
}

case "$OF" in
webapp/frontend/*) typescript "${OF#webapp/frontend/}" ;;
frontend) typescript "" ;;
*)
    install_tools
    "$VENV/bin/python" -m scripts.mutants $OF ${AGAIN:+--again} ${REPORT:+--report} \
        ${SHARE:+--share "$SHARE"} ${NEAR:+--near}
    ;;
esac
