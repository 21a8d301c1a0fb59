#!/usr/bin/env bash
# bench.sh: how long each stage takes, on this machine, now. Tables here, JSON in var/bench/.
set -euo pipefail
# shellcheck source=scripts/common.sh
. "$(dirname "$0")/common.sh"

bash scripts/setup.sh run
mkdir -p var/bench
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
say "the stages of measuring, by themselves"
"$VENV/bin/python" -m benchmarks.stages --out var/bench/ml.json
say "the whole way: last byte acknowledged → result"
"$VENV/bin/python" -m benchmarks.session --out var/bench/site.json
say "200 patients upload at the same moment"
topologies=(--topology one)
if "$VENV/bin/python" -c "import tests.topology, moto" 2>/dev/null && command -v redis-server >/dev/null; then
  topologies+=(--topology many)
else
  say "many machines are left out: needs PostgreSQL, Redis and the test packages (make test)"
fi
"$VENV/bin/python" -m benchmarks.uploads "${topologies[@]}" --out var/bench/uploads.json
say "500 pages listen, and all lose their line at once"
"$VENV/bin/python" -m benchmarks.sockets "${topologies[@]}" --out var/bench/sockets.json
say "the whole store compared with the rows"
MIMIA_LOG_LEVEL=WARNING "$VENV/bin/python" -m benchmarks.store --out var/bench/store.json
