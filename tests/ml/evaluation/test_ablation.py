"""What a choice of a training gains: each variant on the people of the configured one."""

import json
from pathlib import Path

import pytest

from ml.__main__ import main
from ml.errors import ConfigError
from ml.scoring.balance import PRESETS
from ml.settings import plain
from ml.training.config import read_config
from tests.ml.evaluation.test_evaluation import TINY
from tests.ml.people import write_people
from tests.ml.training.test_recipe import configured


def test_each_balancing_beside_what_was_configured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_people(tmp_path / "people.csv", people=60)
    model = {**TINY, "fusion": {"width": 8, "fusion": "mean"}, "balance": "focal", "members": 1}
    path, out = configured(tmp_path, model=model, expressions=["smile"]), tmp_path / "report"
    assert main(["ablate", str(path), "--folds", "2", "--out", str(out)]) == 0
    found = {one["variant"]: one for one in json.loads((out / "ablation.json").read_text())}
    assert list(found) == ["as configured", *(f"balance: {name}" for name in PRESETS)]
    assert found["as configured"]["differences"] == {}
    # The same training on the same folds: no difference at all, and no other is quite the same.
    focal = found["balance: focal"]["differences"]
    assert {(d["value"], d["low"], d["high"]) for d in focal.values()} == {(0.0, 0.0, 0.0)}
    assert found["balance: plain CE"]["differences"]["Brier"]["value"] != 0
    page = (out / "ablation.md").read_text()
    assert page in capsys.readouterr().out
    assert "| variant | AUROC | Brier | ECE | macro-F1 |" in page
    assert page.count("<br>") == 4 * len(PRESETS)


def test_a_preset_is_named_or_refused(tmp_path: Path) -> None:
    write_people(tmp_path / "people.csv", people=10)
    for name, preset in PRESETS.items():
        config = read_config(configured(tmp_path, model={"balance": name}))
        assert {plain(spec.balance) == plain(preset) for spec in config.candidates()} == {True}
    with pytest.raises(ConfigError, match=r"model\.balance: must be one of plain CE, adaptive"):
        read_config(configured(tmp_path, model={"balance": "fokal"}))


def test_wrong_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_people(tmp_path / "people.csv", people=10)
    path = str(configured(tmp_path, model=TINY))
    assert main(["ablate", path, "--folds", "8", "--out", str(tmp_path / "r")]) == 2
    assert "10 subjects are too few for 8 folds" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["ablate", path, "--over", "luck"])
