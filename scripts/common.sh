# What every script shares: where we are, how we speak, which Python and Node to use.
# Sourced, never run.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
ROOT="$PWD"
VENV="$ROOT/.venv"
STAMPS="$ROOT/var/stamps"
FRONTEND="$ROOT/webapp/frontend"
mkdir -p "$STAMPS"

say() { printf '· %s\n' "$*" >&2; }

# One line that says what is wrong and what to do about it.
die() {
    printf 'mimia: %s\n' "$*" >&2
    exit 2
}

# The digest of everything named on the command line: files, or folders without what is built there.
digest_of() {
    find "$@" -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/generated/*' -print0 2>/dev/null |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-40
}

# A stamp remembers what a step was last done for, so that a second run starts in seconds.
stamped() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]; }
stamp() { printf '%s' "$2" >"$STAMPS/$1"; }

# The newest Python that the pinned packages have wheels for.
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3.12 python3.11 python3 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12)})' \
            >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# The folder of a Node.js of version 20 or newer with npm: the machine's own, or the environment's.
find_node() {
    local folder
    for folder in "$(dirname "$(command -v node 2>/dev/null || echo /)")" "$VENV/bin"; do
        [ -x "$folder/npm" ] || continue
        if "$folder/node" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' \
            >/dev/null 2>&1; then
            printf '%s\n' "$folder"
            return
        fi
    done
    return 1
}

# logged NAME COMMAND…: its output goes to var/log/NAME.log, and is shown only when it fails.
logged() {
    local log="$ROOT/var/log/$1.log"
    shift
    mkdir -p "$(dirname "$log")"
    "$@" >"$log" 2>&1 && return 0
    tail -n 25 "$log" >&2
    say "the whole output is in ${log#"$ROOT"/}"
    return 1
}
