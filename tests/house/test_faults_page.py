"""The page of faults names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/faults.md").read_text()


def test_every_test_that_the_page_names_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE))
    assert len(named) > 12
    assert not [name for name in sorted(named) if not (ROOT / name).is_file()]


def test_every_row_says_what_happens() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "fault |" not in line]
    assert len(rows) > 20
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert all(cells), row
        assert "`" in row, row
