"""``python -m tests.ml.cohort.screen``: makes every wrong table and cohort of the tests, and prints
as a page what one reads on the screen. The page is ``docs/wrong-tables.md``."""

import contextlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ml.__main__ import main
from tests.ml.cohort import test_wrong_cohorts as cohorts
from tests.ml.cohort import test_wrong_tables as tables

INTRODUCTION = """# Wrong tables and cohorts: what one reads

Made by `python -m tests.ml.cohort.screen`, which makes each of them from one good table and runs
the command. The path of the table is left out. `tests/ml/cohort/test_wrong_tables.py` and
`test_wrong_cohorts.py` hold every line; [training](training.md) says what is understood.
"""


def read(*arguments: str, table: Path) -> str:
    """What the command says, without the table's path."""
    screen = io.StringIO()
    with contextlib.redirect_stderr(screen), contextlib.redirect_stdout(io.StringIO()):
        main([*arguments])
    return screen.getvalue().replace(f"{table}, ", "").replace(f"{table}: ", "").strip()


def of_tables(folder: Path) -> Iterator[tuple[str, str]]:
    table = folder / "t.csv"
    for kind, (make, _) in tables.REFUSED.items():
        table.write_bytes(make(tables.good()))
        yield kind, read("score-table", str(table), "--out", str(folder / "s.csv"), table=table)
    for kind, (text, line) in tables.COPIED.items():
        table.write_text(text())
        said = read("score-table", str(table), "--out", str(folder / "s.csv"), table=table)
        yield f"{kind} (scored)", next(one for one in said.splitlines() if one.endswith(line))


def of_cohorts(folder: Path) -> Iterator[tuple[str, str]]:
    for kind, (spoil, more, _) in cohorts.REFUSED.items():
        place = Path(tempfile.mkdtemp(dir=folder))
        cohorts.furnish(place)
        spoil(place / "people.csv")
        said = read("train", str(place / "config.json"), *more, table=place / "people.csv")
        yield kind, said


def page() -> str:
    parts = [INTRODUCTION]
    with tempfile.TemporaryDirectory() as name:
        for title, kinds in (
            ("`score-table`", of_tables(Path(name))),
            ("`train`", of_cohorts(Path(name))),
        ):
            rows = [f"| {kind} | {line} |" for kind, line in kinds]
            head = [f"## {title}\n", "| what is wrong | what one reads |", "|---|---|"]
            parts.append("\n".join([*head, *rows]) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
