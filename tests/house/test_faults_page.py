"""The pages of faults and of trials name tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"docs/faults.md": (12, 20), "docs/trials.md": (6, 20)}


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_the_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    named = set(re.findall(r"`((?:tests|webapp/frontend/tests)/[\w./-]+)`", text))
    assert len(named) >= PAGES[page][0]
    assert not [name for name in sorted(named) if not (ROOT / name).is_file()]


@pytest.mark.parametrize("page", PAGES)
def test_every_row_says_what_happens(page: str) -> None:
    lines = (ROOT / page).read_text().splitlines()
    rows = [r for r in lines if r.startswith("| ") and not re.match(r"\| (fault|kind) \|", r)]
    assert len(rows) > PAGES[page][1]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert all(cells), row
        assert "`" in row, row
