# The commands people type. Each works from a bare checkout: `make run`, `make test`.
# The work is done by the scripts, which say plainly what is missing and what to do about it.
PORT ?= 8000
STRICT ?=
ARGS ?=
STORIES ?= 2000
OF ?=
AGAIN ?=
REPORT ?=

.PHONY: help run check test nightly fuzz lint schema format bench results stack mutants sbom constraints clean

help:
	@echo "make run [PORT=8000]   from a bare checkout to a running site with a demo case"
	@echo "make check             in seconds: style, types of the pages, house rules, the quick tests"
	@echo "make test [STRICT=1]   from a bare checkout to a tested one; strict: nothing may be skipped"
	@echo "make test ARGS=...     only these: ARGS='tests/ml -k blink', ARGS='--lf -x'"
	@echo "make nightly           all tests, the long ones too that make test leaves out"
	@echo "make fuzz [STORIES=2000]  ask every address what nobody means, for minutes; prints each 5xx"
	@echo "make lint              every check that needs no running site"
	@echo "make schema            write down the API that is published, for the pages' types"
	@echo "make bench             how long each stage takes, as a table and in var/bench/"
	@echo "make results           re-train and re-evaluate on MIMIA_DATA; rewrites docs/results.md"
	@echo "make stack             build both images and run the Compose topology, where podman can be had"
	@echo "make mutants [OF=path] which one-line mutations no test sees (hours for all; docs/mutants.md)"
	@echo "make sbom              lists of all third-party parts (CycloneDX) in var/sbom/"
	@echo "make constraints       write down the versions that are installed now"

run:
	@bash scripts/run.sh $(PORT)

check:
	@bash scripts/check.sh

test:
	@STRICT=$(STRICT) bash scripts/test.sh $(ARGS)

nightly:
	@NIGHTLY=1 STRICT=1 bash scripts/test.sh

fuzz:
	@bash scripts/fuzz.sh $(STORIES)

lint:
	@bash scripts/lint.sh

schema:
	@bash scripts/setup.sh test
	@.venv/bin/python manage.py spectacular --format openapi-json --fail-on-warn --file webapp/frontend/api.json

format:
	@bash scripts/setup.sh test
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

bench:
	@bash scripts/bench.sh

results:
	@bash scripts/results.sh

stack:
	@bash scripts/stack/stack.sh

mutants:
	@AGAIN=$(AGAIN) REPORT=$(REPORT) SHARE=$(SHARE) NEAR=$(NEAR) bash scripts/mutants.sh $(OF)

sbom:
	@bash scripts/sbom.sh

constraints:
	@bash scripts/setup.sh test
	@bash scripts/constraints.sh

clean:
	rm -rf var test-results webapp/frontend/dist webapp/frontend/node_modules
