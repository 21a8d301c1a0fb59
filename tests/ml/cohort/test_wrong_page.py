"""docs/wrong-tables.md says what one reads: each line that the tests hold stands there."""

from pathlib import Path

from tests.ml.cohort import test_wrong_cohorts as cohorts
from tests.ml.cohort import test_wrong_tables as tables

PAGE = (Path(__file__).resolve().parents[3] / "docs/wrong-tables.md").read_text("utf-8")


def test_each_kind_stands_on_the_page_with_its_line() -> None:
    """Not so? ``python -m tests.ml.cohort.screen > docs/wrong-tables.md``."""
    scored, _, trained = PAGE.partition("## `train`")
    rows = dict(line.strip("| ").split(" | ", 1) for line in scored.splitlines() if "| " in line)
    held = {kind: line for kind, (_, line) in tables.REFUSED.items()}
    held |= {f"{kind} (scored)": line for kind, (_, line) in tables.COPIED.items()}
    for kind, line in held.items():
        assert line.lstrip(":, ") in rows[kind], kind
    for kind, (_, _, line) in cohorts.REFUSED.items():
        assert f"| {kind} | train: " in trained
        assert line in trained, kind
    assert len(held) + len(cohorts.REFUSED) > 50
