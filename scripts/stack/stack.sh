#!/usr/bin/env bash
# stack.sh: builds both images and runs the whole Compose topology from them, as docker-compose.yml
# writes it (read-only roots, users, mounts, networks, health checks), with one screening through it
# over TLS. Needs podman; installs it where it may. Where no registry answers, the images that we do
# not make have stand-ins (scripts/stack/Containerfile), and the report says so.
#   stack.sh            everything, and takes it down at the end
#   stack.sh --keep     leaves it running, to look at
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/../common.sh"
# shellcheck source=scripts/system_packages.sh
. scripts/system_packages.sh

HERE="$ROOT/scripts/stack"
WORK="$ROOT/var/stack"
mkdir -p "$WORK"
bash scripts/setup.sh test

ensure_tools() {
    local missing=() tool
    for tool in podman buildah runc debootstrap catatonit netavark aardvark-dns; do
        [ -x "$(command -v "$tool")" ] || [ -x "/usr/lib/podman/$tool" ] ||
            missing+=("$tool")
    done
    [ "${#missing[@]}" = 0 ] || apt_install "${missing[@]}" ||
        die "the stack needs podman; please do: sudo apt-get install ${missing[*]}"
    [ -x "$WORK/venv/bin/podman-compose" ] && return 0
    "$VENV/bin/python" -m venv "$WORK/venv"
    logged podman-compose "$WORK/venv/bin/pip" install 'podman-compose==1.6.0' ||
        die "podman-compose could not be installed"
}

# Settings of ours for the engine: nothing on this machine changes.
configure_engine() {
    local hard
    hard="$(ulimit -Hn)"
    [ "$hard" != unlimited ] || hard=1048576
    cat >"$WORK/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=$((hard * 4 / 5)):$((hard * 4 / 5))", "nproc=20000:20000"]
[engine]
runtime = "runc"
events_logger = "none"
CONF
    printf 'unqualified-search-registries = ["docker.io"]\n' >"$WORK/registries.conf"
    export CONTAINERS_CONF="$WORK/containers.conf" CONTAINERS_REGISTRIES_CONF="$WORK/registries.conf"
}

has_image() { podman image exists "docker.io/$1"; }

# The registry's own image where one answers, else our stand-in under its name.
provide() {
    local name="$1" target="$2"
    has_image "$name" && return 0
    if [ -z "${MIMIA_STACK_OFFLINE:-}" ] && timeout 60 podman pull -q "docker.io/$name" >/dev/null 2>&1; then
        return 0
    fi
    export MIMIA_STACK_OFFLINE=1
    make_debian
    say "stand-in for $name"
    logged "stack-$target" podman build -q "${BUILD_OPTIONS[@]}" --target "$target" \
        -t "docker.io/$name" -f "$HERE/Containerfile" "$WORK/context" || die "no stand-in for $name"
}

make_debian() {
    podman image exists localhost/mimia-stack/debian && return 0
    say "making a Debian root file system"
    rm -rf "$WORK/rootfs"
    logged stack-debootstrap debootstrap --variant=minbase --include=ca-certificates bookworm "$WORK/rootfs" ||
        die "debootstrap failed"
    tar -C "$WORK/rootfs" -c . | podman import - localhost/mimia-stack/debian >/dev/null 2>&1
    rm -rf "$WORK/rootfs"
}

prepare_context() {
    mkdir -p "$WORK/context"
    cp "$HERE"/*.sh "$HERE"/*.py "$HERE/Containerfile" "$WORK/context/"
    cp /etc/ssl/certs/ca-certificates.crt "$WORK/context/certificates.crt"
}

# Names under which the two files ask for what others make → the stand-in's target.
STANDINS=(
    "library/python:3.12-slim-bookworm python"
    "library/node:22-bookworm-slim node"
    "library/postgres:17-alpine postgres"
    "library/redis:7-alpine redis"
    "library/caddy:2.10-alpine proxy"
    "chrislusf/seaweedfs:3.97 objects"
)

BUILD_OPTIONS=(--network host)
# A folder of wheels that this machine installs from serves the builds too.
if [ -d "${PIP_FIND_LINKS:-}" ]; then
    BUILD_OPTIONS+=(--volume "$PIP_FIND_LINKS:$PIP_FIND_LINKS:ro" --env "PIP_FIND_LINKS=$PIP_FIND_LINKS")
fi

ensure_tools
configure_engine
prepare_context
for pair in "${STANDINS[@]}"; do
    # shellcheck disable=SC2086 -- two words
    provide $pair
done
for target in web worker; do
    say "building the image mimia-$target"
    logged "stack-$target" podman build "${BUILD_OPTIONS[@]}" --target "$target" -t "mimia-$target" . ||
        die "the image mimia-$target could not be built"
done
exec "$VENV/bin/python" -m scripts.stack.run "$@"
