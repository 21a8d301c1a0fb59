"""One-line mutations of a module, and whether any test sees them: ``make mutants OF=path``.

Cosmic Ray makes the mutants and keeps the session; the tests run in forked children in a copy of
the tree, so that nothing here is ever changed. A second call goes on where the first was stopped;
``AGAIN=1`` tries those once more that survived. What ``equivalent.toml`` names is counted apart.
``SHARE=0.3`` tries that share of a long module, and twenty at least: always the same mutants, and a
larger share holds the smaller one. ``NEAR=1`` leaves the tests out that do not reach the line.
"""

import argparse
import hashlib
import os
import platform
import signal
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

WORK = Path(__file__).resolve().parents[2] / "var" / "mutants"
# At the end: where the project and a tool want the same package, the project's counts.
sys.path.append(str(WORK / "tools"))

import coverage  # noqa: E402
from cosmic_ray.commands.init import _all_work_items  # noqa: E402
from cosmic_ray.mutating import mutate_code  # noqa: E402
from cosmic_ray.plugins import get_operator  # noqa: E402
from cosmic_ray.work_db import WorkDB, use_db  # noqa: E402
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult  # noqa: E402

from scripts.mutants import operators  # noqa: E402
from scripts.mutants.child import End, Nursery, Ran, copy_tree  # noqa: E402
from scripts.mutants.items import (  # noqa: E402
    changed,
    drawn,
    is_python,
    item_number,
    lines_of,
    row,
    where,
)
from scripts.mutants.rooms import ROOT, Room, modules_of, room_of  # noqa: E402

#: A mutant that runs for ever is killed by this; a busy machine is not taken for one.
LEAST_SECONDS, TIMES_USUAL = 90.0, 8.0
#: Of a module so many are tried at least, however small the share.
LEAST_TRIED = 20


@dataclass
class Reach:
    """Which tests reach which lines of a room's modules: measured once for all that are tried."""

    nursery: Nursery
    modules: list[str]
    known: dict[str, tuple[coverage.CoverageData, float]] = field(default_factory=dict)

    def of(self, module: str, room: Room) -> tuple[dict[int, list[str]], float]:
        """Line → the tests that reach it, and the seconds that all of them take."""
        if room.name not in self.known:
            self.known[room.name] = self._measured(room)
        data, seconds = self.known[room.name]
        target = str(self.nursery.tree / module)
        known = data.contexts_by_lineno(target) if target in data.measured_files() else {}
        lines = {
            line: [name.split("|")[-1] for name in names if "::" in name]
            for line, names in known.items()
        }
        return lines, seconds

    def _measured(self, room: Room) -> tuple[coverage.CoverageData, float]:
        notes = self.nursery.tree / f".lines-{room.name}"
        targets = [self.nursery.tree / one for one in self.modules if room_of(one) == room]
        ran = self.nursery.run(room.there, seconds=3600, lines_of=targets, to=str(notes))
        if ran.end is not End.PASSED:
            raise SystemExit(f"the tests fail without any mutation:\n{ran.told}")
        data = coverage.CoverageData(str(notes))
        data.read()
        self.nursery.warm(Path(f"{notes}.modules").read_text().splitlines())
        # A child of the warm process must not fail by itself: each mutant would count as killed.
        if (ran_warm := self.nursery.run(room.there[:1], seconds=600)).end is not End.PASSED:
            raise SystemExit(f"the tests fail in a warm child:\n{ran_warm.told}")
        return data, ran.seconds


@dataclass(frozen=True)
class Session:
    """The mutants of one module as it is now."""

    module: str
    room: Room
    reach: Reach
    near: bool = False

    @property
    def nursery(self) -> Nursery:
        return self.reach.nursery

    @property
    def source(self) -> str:
        return (ROOT / self.module).read_text(encoding="utf-8")

    @property
    def file(self) -> Path:
        digest = hashlib.sha256(self.source.encode()).hexdigest()[:10]
        return WORK / "sessions" / f"{self.module.replace('/', '.')}-{digest}.sqlite"

    def prepare(self, database: WorkDB) -> None:
        if database.num_work_items:
            return
        made = self.said(_all_work_items([self.nursery.tree / self.module], {}))
        database.add_work_items([item for item in made if is_python(self.mutated(item))])

    def said(self, items: Iterable[Any]) -> list[Any]:
        """Those of the mutants that say something."""
        silent = operators.passed_over(self.source)
        return [
            item
            for item in items
            if not any(a <= item.mutations[0].start_pos < b for a, b in silent)
        ]

    def limit(self, database: WorkDB, share: float) -> float:
        """Below which number a mutant is drawn: the share, or more of a short module."""
        numbers = sorted(drawn(self.module, item) for item in self.said(database.work_items))
        return max(share, numbers[LEAST_TRIED]) if len(numbers) > LEAST_TRIED else 1.0

    def run(self, again: bool, share: float) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with use_db(str(self.file)) as database:
            self.prepare(database)
            pending = self.said(database.pending_work_items)
            limit = self.limit(database, share)
            waiting = [item for item in pending if drawn(self.module, item) < limit]
            if again:
                waiting += [
                    item
                    for item, result in database.completed_work_items
                    if result.test_outcome is TestOutcome.SURVIVED
                ]
            if not waiting:
                return
            self.nursery.prepare()
            lines, usual = self.reach.of(self.module, self.room)
            say(f"{self.module}: {len(waiting)} to try; its tests take {usual:.0f} s")
            for item in sorted(waiting, key=lambda one: one.mutations[0].start_pos):
                database.set_result(item.job_id, self.tried(item, lines, usual))

    def mutated(self, item: Any) -> str:
        (spec,) = item.mutations
        found = mutate_code(self.source, get_operator(spec.operator_name)(), spec.occurrence)
        if found is None:
            raise LookupError(f"{spec} is not in the module that its session was made for")
        return str(found)

    def tried(self, item: Any, lines: dict[int, list[str]], usual: float) -> WorkResult:
        (spec,) = item.mutations
        mutated = self.mutated(item)
        target = self.nursery.tree / self.module
        begun = time.monotonic()
        try:
            target.write_text(mutated, encoding="utf-8")
            # A time of its own, or Python would take the last mutant's bytecode for this one's.
            os.utime(target, (time.time() - 10**6 - item_number(item), time.time()))
            told = lines_of(self.source, spec.start_pos[0], spec.end_pos[0])
            near = {test for line in told for test in lines.get(line, [])}
            # What is said as the module is imported may be read by any test.
            is_read_by_all = any(lines.get(line) == [] for line in told)
            ran = self._seen_by(
                sorted(near, key=self._rank),
                max(LEAST_SECONDS, TIMES_USUAL * usual),
                self.near and not is_read_by_all,
            )
        finally:
            target.write_text(self.source, encoding="utf-8")
        outcome = TestOutcome.SURVIVED if ran.end is End.PASSED else TestOutcome.KILLED
        killer = "" if outcome is TestOutcome.SURVIVED else ran.killer
        say(f"  {where(item)}: {outcome.value}, {time.monotonic() - begun:.0f} s, {killer}")
        return WorkResult(
            worker_outcome=WorkerOutcome.NORMAL,
            test_outcome=outcome,
            output=killer,
            diff=changed(self.source, mutated),
        )

    def _seen_by(self, near: list[str], seconds: float, only_near: bool) -> Ran:
        """The tests that reach the line, the most promising files first; then the others."""
        if near and (ran := self.nursery.run(near, seconds=seconds)).end is not End.PASSED:
            return ran
        if only_near:
            return ran if near else Ran(End.PASSED, 0.0, "no test reaches it")
        others = [*self.room.there, *(f"--deselect={test}" for test in near)]
        return self.nursery.run(others, seconds=seconds)

    def _rank(self, test: str) -> tuple[int, str]:
        return self.room.there.index(test.split("::")[0]), test


def schema() -> str:
    """A digest of all migrations: a database that lacks one would be migrated in every child."""
    found = sorted((ROOT / "screening" / "migrations").glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in found)).hexdigest()[:10]


def say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def reasons() -> dict[tuple[str, str], str]:
    """(module, change) → why no test can see it."""
    path = Path(__file__).parent / "equivalent.toml"
    known = tomllib.loads(path.read_text()).get("mutant", []) if path.exists() else []
    return {(one["module"], one["change"].strip()): one["why"] for one in known}


def report(sessions: Iterable[Session]) -> Iterator[str]:
    """The table by module, then each survivor."""
    known = reasons()
    yield f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores"
    yield ""
    yield "| module | of all | tried | killed | equivalent | survived | killed of what is not |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    left: list[str] = []
    sums = [0, 0, 0, 0]
    for session in sessions:
        if not session.file.exists():
            continue
        with use_db(str(session.file), WorkDB.Mode.open) as database:
            results = {item.job_id: result for item, result in database.completed_work_items}
            asked = session.said(database.work_items)
            done = [(item, results[item.job_id]) for item in asked if item.job_id in results]
            killed = sum(r.test_outcome is TestOutcome.KILLED for _, r in done)
            survived = [(i, r) for i, r in done if r.test_outcome is TestOutcome.SURVIVED]
            same = [i for i, r in survived if (session.module, r.diff.strip()) in known]
        counts = [len(asked), len(done), killed, len(same)]
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
        yield row(f"`{session.module}`", *counts)
        for item, result in sorted(survived, key=lambda one: one[0].mutations[0].start_pos):
            why = known.get((session.module, result.diff.strip()), "")
            left.append(f"{session.module}:{where(item)}\n{result.diff}\n  {why}".rstrip())
    yield row("together", *sums)
    yield ""
    yield from left


def main() -> None:
    asked = argparse.ArgumentParser(prog="make mutants")
    asked.add_argument("of", nargs="*")
    asked.add_argument("--again", action="store_true", help="those once more that survived")
    asked.add_argument("--share", type=float, default=1.0, help="of a module's mutants")
    asked.add_argument("--near", action="store_true", help="only the tests that reach the line")
    asked.add_argument("--report", action="store_true", help="run nothing")
    given = asked.parse_args()
    operators.use()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found = [(m, room_of(m)) for m in modules_of(given.of)]
    if not found:
        raise SystemExit(f"no module of scripts/mutants/tests.toml is {given.of!r}")
    # A tree of its own, so that several can run side by side.
    with tempfile.TemporaryDirectory(prefix="tree-", dir=WORK) as tree:
        nursery = Nursery(Path(tree), WORK / f"ready-{schema()}")
        reach = Reach(nursery, [module for module, _ in found])
        sessions = [
            Session(module, room, reach, given.near) for module, room in found if room is not None
        ]
        if not given.report:
            copy_tree(ROOT, nursery.tree)
            for session in sessions:
                session.run(given.again, given.share)
        print("\n".join(report(sessions)))


if __name__ == "__main__":
    main()
