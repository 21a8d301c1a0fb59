"""A training judged by nested folds, a bundle on others: whom, with what beside, in words."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.__main__ import main
from ml.cohort.table import read_table
from ml.evaluation.nested import judge_nested, outer_folds
from ml.evaluation.page import NAMES
from ml.scoring.bundle import default_bundle_path
from ml.training.config import read_config
from tests.ml.people import write_people
from tests.ml.training.test_recipe import configured

TINY = {
    "folds": 2,
    "members": 1,
    "fusion": {"width": 8},
    "balance": {"class_difficulty": 0},
    "schedule": {"steps": 40, "batch": 32},
}


def evaluated(arguments: list[object], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["evaluate", *map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_training_is_judged_on_everybody_once_and_on_nobody_it_learnt_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_people(tmp_path / "people.csv", people=80, test_share=0.25)
    path, out = configured(tmp_path, model=TINY), tmp_path / "report"
    found = evaluated([path, "--folds", "2", "--out", out], capsys)
    assert (found["rows"], found["subjects"]) == (60, 60)
    assert found["pd"]["auroc"]["value"] > 0.8
    assert found["pd"]["auroc_simple"]["value"] > 0.8
    assert found["pd"]["threshold"] == pytest.approx(0.5, abs=0.05)
    page = (out / "report.md").read_text()
    assert "Nested cross-validation: 2 outer folds by subject" in page
    for name in ("auroc", "difference_simple", "difference_index", "brier_skill", "ece"):
        assert f"| {NAMES[name]} | " in page
    for heading in ("By group", "If the least certain are not answered", "Clinicians' grades"):
        assert heading in page
    assert "all rows whose split is not test, each by a model that did not see its person" in page
    for at in found["pd"]["at_thresholds"]:
        assert f"| {at['threshold']:.2f} | {at['sensitivity']['value']:.3f} [" in page
    assert_predictions_are_what_was_judged(found, out / "predictions.csv")
    assert (out / "plots.png").stat().st_size > 10_000
    assert not (out / "card.md").exists(), "a training has no card, its bundle has"
    assert not (tmp_path / "bundle").exists()


def assert_predictions_are_what_was_judged(found: dict[str, Any], path: Path) -> None:
    """The report's figures, computed again from the file."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["subject"] for row in rows}) == len(rows) == found["rows"]
    assert not any(row["split"] == "test" for row in rows)
    p = np.array([float(row["p_pd"]) for row in rows])
    has_pd = np.array([row["pd"] == "1" for row in rows])
    for at in found["pd"]["at_thresholds"]:
        above = p >= round(at["threshold"], 4)
        assert at["sensitivity"]["value"] == pytest.approx(above[has_pd].mean(), abs=0.04)
        assert at["specificity"]["value"] == pytest.approx((~above)[~has_pd].mean(), abs=0.04)
    reasons = Counter(row["abstained"] for row in rows if row["abstained"])
    assert reasons == found["abstentions"]
    assert found["abstained"] == pytest.approx(sum(reasons.values()) / len(rows))


def test_why_it_abstained_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write_people(tmp_path / "people.csv", people=40)
    lines = table.read_text().splitlines()
    surprise = [n for n, name in enumerate(lines[0].split(",")) if not name.startswith("smile_")]
    keep = {n for n in surprise if lines[0].split(",")[n] in ("subject", "pd", "split", "grade")}
    blank = [
        ",".join("" if n in surprise and n not in keep else c for n, c in enumerate(row.split(",")))
        for row in lines[1:11]
    ]
    table.write_text("\n".join([lines[0], *blank, *lines[11:]]) + "\n")
    found = evaluated([default_bundle_path(), table, "--out", tmp_path / "r"], capsys)
    assert found["abstentions"]["missing_expressions"] == 10
    assert "10 missing_expressions" in (tmp_path / "r" / "report.md").read_text()
    assert found["split"] == "all rows: none is marked as test"
    assert "| 0.50 | " in (tmp_path / "r" / "report.md").read_text()


def test_where_there_is_nothing_to_learn_nothing_is_found(tmp_path: Path) -> None:
    """Five visits of each person, alike, labels at random: seen in training, they would tell."""
    write_people(tmp_path / "people.csv", people=20, strength=0.0, seed=3)
    lines = (tmp_path / "people.csv").read_text().splitlines()
    lines[1:] = [line for line in lines[1:] for _ in range(5)]
    (tmp_path / "people.csv").write_text("\n".join(lines) + "\n")
    model = {**TINY, "schedule": {"steps": 150, "batch": 32}}
    config = read_config(configured(tmp_path, model=model))
    judged = judge_nested(config, 2, tmp_path / "cache")
    right = (judged.p_pd >= judged.prevalence) == (judged.cohort.pd == 1)
    assert right.mean() < 0.75


def test_all_visits_of_a_person_are_held_out_together(table: Path) -> None:
    cohort = read_table(table)
    twice = cohort.take(np.repeat(np.arange(len(cohort)), 2))
    fold = outer_folds(twice, 4, seed=1)
    assert set(fold) == {0, 1, 2, 3}
    assert (fold[::2] == fold[1::2]).all()


def test_a_bundle_is_not_judged_on_whom_it_was_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_people(tmp_path / "people.csv", people=80)
    assert main(["train", str(configured(tmp_path, model=TINY)), "--cache", str(tmp_path)]) == 0
    capsys.readouterr()
    arguments = ["evaluate", str(tmp_path / "bundle"), str(table), "--out", str(tmp_path / "r")]
    assert main(arguments) == 2
    assert f"{table}: test 1 was trained on everybody in it" in capsys.readouterr().err
    others = write_people(tmp_path / "others.csv", people=110, seed=1)
    found = evaluated([tmp_path / "bundle", others, "--out", tmp_path / "r"], capsys)
    assert found["subjects"] == 30, "p0000 to p0079 are known to it"
    assert "People it was trained on were left out." in (tmp_path / "r" / "report.md").read_text()
    assert "card.md" in (tmp_path / "r" / "report.md").read_text()


def test_a_model_of_one_expression_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_people(tmp_path / "people.csv", people=80, test_share=0.5)
    path = configured(tmp_path, model=TINY, expressions=["smile"])
    assert main(["train", str(path), "--cache", str(tmp_path)]) == 0
    out = tmp_path / "report"
    found = evaluated([tmp_path / "bundle", tmp_path / "people.csv", "--out", out], capsys)
    assert found["abstained"] < 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["config.json", "people.csv"], "names its cohort itself"),
        (["bundle"], "on which people"),
        (["config.json", "--folds", "1"], "--folds 1 is not from 2 to 100"),
        (["config.json", "--folds", "90"], "80 subjects are too few for 90 folds"),
    ],
)
def test_wrong_use_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    write_people(tmp_path / "people.csv", people=80)
    configured(tmp_path, model=TINY)
    given = [str(tmp_path / a) if a.endswith(("json", "csv")) else a for a in arguments]
    assert main(["evaluate", *given, "--out", str(tmp_path / "r"), "--cache", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
