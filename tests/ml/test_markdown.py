"""Pages from templates: nothing lacks silently, and no text of a file breaks a table."""

from pathlib import Path

import pytest
from jinja2 import UndefinedError

from ml.evaluation.page import Subject, page
from ml.markdown import cell, figure, line, render
from ml.metrics import Interval
from ml.scoring.bundle import default_bundle_path, load
from ml.training.card import card


def test_what_nobody_gave_is_an_error_and_no_empty_place(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.md.j2").write_text("# {{ title }}\n")
    code = str(tmp_path / "page.py")
    assert render(code, "page.md.j2", title="A < B") == "# A < B\n"
    with pytest.raises(UndefinedError, match="title"):
        render(code, "page.md.j2")


def test_a_bundle_that_lacks_something_has_no_card() -> None:
    bundle = load(default_bundle_path())
    told = {name: value for name, value in bundle.metadata.items() if name != "balance"}
    with pytest.raises(UndefinedError, match="balance"):
        card(bundle.name, bundle.version, told)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\u2028"])
def test_a_text_stays_in_its_line_and_in_its_cell(ending: str) -> None:
    assert line(f"home{ending}clinic") == "home clinic"
    assert cell(f"home | at night{ending}clinic") == r"home \| at night clinic"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.12345, "0.123"),
        (12, "12"),
        (None, "–"),
        ("none", "none"),
        (Interval(0.5, 0.4, 0.6), "0.500 [0.400, 0.600]"),
        ({"value": 1, "low": 0.4, "high": 1}, "1.000 [0.400, 1.000]"),
    ],
)
def test_a_figure_is_shown_with_its_interval(value: object, shown: str) -> None:
    assert figure(value) == shown


def test_a_figure_is_shown_in_other_units() -> None:
    assert figure(Interval(0.05, 0.02, 0.1), ".0f", 1000) == "50 [20, 100]"


def columns(text: str) -> set[int]:
    """How many cells the rows of a page's tables have, by those that no backslash precedes."""
    rows = [row for row in text.splitlines() if row.startswith("|")]
    return {row.replace(r"\|", "").count("|") for row in rows}


def test_a_protocol_and_a_licence_break_no_page() -> None:
    group = {"auroc": 0.5, "with_pd": 9, "without_pd": 9}
    group |= {"mean_probability": 0.5, "share_with_pd": 0.5}
    found = {
        "rows": 18, "subjects": 18, "split": "all rows", "split_hash": "0" * 64,
        "unscorable": 0.0, "abstained": 0.0, "abstentions": {},
        "pd": {
            "people_with_pd": 9, "with_pd": 9, "people_without_pd": 9, "without_pd": 9,
            "threshold": 0.5, "at_thresholds": [], "risk_coverage": [(1.0, 0.5)],
            "subgroups": {"protocol home | night\nshift": group},
        },
    }  # fmt: skip
    subject = Subject("A | B\nC", {"intensity_source": "geometric"}, reads_curves=False, folds=2)
    text = page(subject, found)
    assert text.startswith("# A | B C: judged on 18 people\n")
    assert "| protocol home \\| night shift | 9 | 9 | 0.500 |" in text
    assert columns(text) == {3, 4, 7}

    bundle = load(default_bundle_path())
    (source,) = bundle.metadata["sources"]
    told = {**bundle.metadata, "sources": [{**source, "licence": "CC BY\n\n# 4.0"}]}
    assert not any(row.startswith("# 4.0") for row in card("a", "1", told).splitlines())
