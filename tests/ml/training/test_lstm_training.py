"""``python -m ml train`` with kind diagnosis: from a manifest of clips to a stored LSTM."""

import csv
import json
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.errors import CohortError, ConfigError
from ml.phantom.cohort import CohortSpec, write_cohort
from ml.scoring import lstm
from ml.training.lstm_training import DiagnosisTraining, train_file

SETTINGS = {
    "kind": "diagnosis",
    "cohort": "cohort",
    "out": "model",
    "network": {"expressions": ["smile"], "units": 8},
    "fit": {"epochs": 2},
    "splits": ["train", "test"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    spec = CohortSpec(4, 1, ("rest", "smile"), seconds=1.5, fps=10, width=320, height=240)
    write_cohort(folder / "cohort", spec, workers=1)
    rows = manifest(folder)
    for row in rows:  # both classes, whatever the generator drew
        row["pd"] = row["subject"][-1] in "13"
    write(folder, rows)
    return folder


def manifest(folder: Path) -> list[dict[str, object]]:
    with (folder / "cohort" / "manifest.csv").open(newline="") as file:
        return [dict(row) for row in csv.DictReader(file)]


def write(folder: Path, rows: list[dict[str, object]]) -> None:
    with (folder / "cohort" / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_a_cohort_becomes_a_stored_model(place: Path) -> None:
    (place / "settings.json").write_text(json.dumps(SETTINGS))
    cache = place / "cache"
    assert main(["train", str(place / "settings.json"), "--cache", str(cache)]) == 0
    trained = lstm.load(place / "model")
    assert trained.source.name == "geometric"
    assert trained.network.config.expressions == ("smile",)
    assert trained.prevalence == 0.5
    assert trained.card["phantom_trained"] is True
    assert len(list(cache.glob("*.json"))) == 8


def test_each_visit_is_a_sample_with_its_own_label(place: Path) -> None:
    """Somebody who came twice, without PD and with it later, is two samples of one subject."""
    rows = manifest(place)
    subjects = [rows[0]["subject"]] * 4 + [row["subject"] for row in rows[4:]]
    twice = [
        {**row, "subject": subject, "session": str(i // 2)}
        for i, (row, subject) in enumerate(zip(rows, subjects, strict=True))
    ]
    try:
        write(place, twice)
        trained = train_file({**SETTINGS, "out": "visits"}, place, place / "cache", print)
    finally:
        write(place, rows)
    assert (trained.card["people"], trained.card["visits"]) == (3, 4)
    assert trained.prevalence == 0.5


def test_a_missing_or_contradicting_label_stops_before_measuring(
    place: Path, tmp_path: Path
) -> None:
    rows = manifest(place)
    said: list[str] = []
    try:
        write(place, [{**row, "pd": ""} if i > 5 else row for i, row in enumerate(rows)])
        with pytest.raises(CohortError, match="row 8: the row has no PD label"):
            train_file({**SETTINGS, "out": "other"}, place, tmp_path, said.append)
        write(place, [{**row, "pd": i % 2} for i, row in enumerate(rows)])
        with pytest.raises(CohortError, match=r"row 3: subject .* has other labels than in row 2"):
            train_file({**SETTINGS, "out": "other"}, place, tmp_path, said.append)
        write(place, [{**row, "pd": 1} for row in rows])
        with pytest.raises(CohortError, match="empty class"):
            train_file({**SETTINGS, "out": "other"}, place, tmp_path, said.append)
    finally:
        write(place, rows)
    assert said == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [{"fit": {"speed": 1}}, {"pace": 2}, {"network": {"units": 0}}])
def test_impossible_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        DiagnosisTraining.from_json({"cohort": "c", "out": "o", **wrong})
    with pytest.raises(ConfigError, match="out"):
        DiagnosisTraining.from_json({"cohort": "c"})
