#!/usr/bin/env bash
# sbom.sh: lists of all third-party parts (CycloneDX): of Python, and of the pages.
# Where PyPI can be reached; the tool has an environment of its own, so that it is in neither list.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

TOOL="$ROOT/var/sbom/tool"
python="$(find_python)" || die "needs Python 3.11 or 3.12"
node="$(find_node)" || die "needs Node.js 20 with npm"
[ -x "$TOOL/bin/cyclonedx-py" ] || {
    "$python" -m venv "$TOOL"
    "$TOOL/bin/pip" install --quiet "cyclonedx-bom>=7,<8"
}
"$TOOL/bin/cyclonedx-py" requirements --pyproject pyproject.toml \
    --output-reproducible --output-file var/sbom/python.cdx.json constraints.txt
(cd "$FRONTEND" && PATH="$node:$PATH" npm sbom --sbom-format cyclonedx --package-lock-only) \
    >var/sbom/pages.cdx.json
say "written: var/sbom/python.cdx.json, var/sbom/pages.cdx.json"
