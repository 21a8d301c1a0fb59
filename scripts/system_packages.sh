# What pip cannot bring. Says what is missing, and installs it where it may (Debian, Ubuntu: as
# root or with a sudo that asks nothing). Elsewhere it names the packages and goes on or stops.
# Sourced after common.sh.

has_library() {
    [ "$(uname -s)" = Linux ] || return 0
    # ldconfig lists libraries; without it (musl, Nix) the import itself will tell.
    command -v ldconfig >/dev/null 2>&1 || [ -x /sbin/ldconfig ] || return 0
    PATH="$PATH:/sbin" ldconfig -p | grep -q "$1"
}

has_postgresql() {
    command -v initdb >/dev/null 2>&1 || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}

has_chromium() {
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1
}

# Prints one "debian-package: what it is for" a line for everything that is not here.
missing_packages() {
    has_library libGL.so.1 || echo "libgl1: OpenCV, which reads the clips"
    has_library libglib-2.0.so.0 || echo "libglib2.0-0: OpenCV, which reads the clips"
    has_library libEGL.so.1 || echo "libegl1: MediaPipe, which finds the face"
    [ "$1" = test ] || return 0
    has_chromium || echo "chromium: the browser tests"
    command -v fc-list >/dev/null 2>&1 && [ -n "$(fc-list 2>/dev/null | head -n 1)" ] ||
        echo "fonts-dejavu-core: readable screenshots"
    has_postgresql || echo "postgresql: the tests of the distributed topology"
    command -v redis-server >/dev/null 2>&1 ||
        echo "redis-server: the tests of the distributed topology"
}

apt_install() {
    local as_root=()
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" != 0 ]; then
        sudo -n true >/dev/null 2>&1 || return 1
        as_root=(sudo -n)
    fi
    # No server is to start by itself: the tests start their own on free ports.
    "${as_root[@]}" apt-get update -qq >&2 &&
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y -qq --no-install-recommends "$@" >&2
}

# ensure_packages run|test: exits only where the site itself could not run without them, or where
# a strict test run would have to skip.
ensure_packages() {
    local missing names
    missing="$(missing_packages "$1")"
    [ -n "$missing" ] || return 0
    say "missing on this machine:"
    printf '%s\n' "$missing" | sed 's/^/    /; s/: / (for /; s/$/)/' >&2
    names="$(printf '%s\n' "$missing" | cut -d: -f1 | tr '\n' ' ')"
    say "installing: $names"
    # shellcheck disable=SC2086 -- one word per package
    if apt_install $names; then
        missing="$(missing_packages "$1")"
        [ -n "$missing" ] || return 0
    fi
    if [ "$1" = run ] || [ -n "${STRICT:-}" ]; then
        die "could not install them here; please do: sudo apt-get install $names"
    fi
    say "could not install them here; the tests that need them will be skipped"
    say "to run those too: sudo apt-get install $names"
}
