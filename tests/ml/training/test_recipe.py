"""From a configuration to a bundle: seeded, and refused before it starts."""

import csv
import json
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments.public.shipped import SHIPPED
from experiments.public.tables import PUBLIC_EXPRESSIONS
from ml.__main__ import main
from ml.errors import CohortError, ConfigError
from ml.scoring.balance import PRESETS
from ml.scoring.bundle import Bundle, default_bundle_path, load
from ml.scoring.fusion import FUSIONS, Fusion, FusionModel
from ml.training import card
from ml.training.cohort_to_bundle import metadata_of, read_cohort, source_for, train, usable_of
from ml.training.config import read_config
from ml.training.fusion import CANDIDATES, fusion_spec
from tests.ml.people import write_people

SMALL = {
    "folds": 3,
    "members": 1,
    "fusion": {"width": 8},
    "schedule": {"steps": 40, "batch": 32, "learning_rate": 0.03},
}


def configured(folder: Path, **changes: object) -> Path:
    config = {
        "name": "test",
        "version": "1",
        "cohort": "people.csv",
        "out": "bundle",
        "expressions": ["smile", "disgust"],
        "model": SMALL,
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config | changes))
    return path


def test_train_then_evaluate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_people(tmp_path / "people.csv", test_share=0.25)
    path = configured(tmp_path, grades=True)
    assert main(["train", str(path), "--cache", str(tmp_path / "cache")]) == 0
    bundle = load(tmp_path / "bundle")
    assert bundle.metadata["training"]["subjects"] == 120
    out = tmp_path / "report"
    capsys.readouterr()
    arguments = ["evaluate", str(tmp_path / "bundle"), str(tmp_path / "people.csv")]
    assert main([*arguments, "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["subjects"] == 40
    assert found["pd"]["auroc"]["value"] > 0.8
    assert found["grades"]["severity_expected_auroc_grade_1_or_more"]["value"] > 0.7
    for name in ("report.md", "report.json", "plots.png", "card.md"):
        assert (out / name).stat().st_size > 0
    row = dict.fromkeys(bundle.norms.tables, 0.01)
    assert bundle.score([row])[0].severity_experimental is False


def test_same_seed_same_bundle_and_the_kind_is_chosen_inside(
    table: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = table.parent
    caplog.set_level(logging.INFO)
    chosen = read_config(configured(folder))
    train(chosen, folder / "cache")
    train(read_config(configured(folder, out="other")), folder / "cache")
    for file in ("bundle.json", "weights.safetensors", "norms.json", "card.md"):
        assert (folder / "bundle" / file).read_bytes() == (folder / "other" / file).read_bytes()
    steps = sum(spec.schedule.steps for spec in chosen.candidates())
    assert f"training steps: {steps} of {steps}, about 0 s left" in caplog.messages
    assert [str(spec.fusion.fusion) for spec in chosen.candidates()] == list(CANDIDATES)
    assert load(folder / "bundle").metadata["fusion"] in CANDIDATES


def test_the_digest_of_the_settings_is_of_no_folder(tmp_path: Path) -> None:
    """The same file in another folder is the same configuration; another entry is another one."""
    told = []
    for folder, changes in (("here", {}), ("there/below", {}), ("else", {"seed": 1})):
        (tmp_path / folder).mkdir(parents=True)
        write_people(tmp_path / folder / "people.csv", people=60)
        config = read_config(configured(tmp_path / folder, **changes))
        material = usable_of(config, read_cohort(config, tmp_path))
        told.append(metadata_of(config, {}, material, source_for(config).identity))
    here, there, other = (metadata["config_sha256"] for metadata in told)
    assert here == there != other
    assert str(tmp_path) not in str(told)


def test_a_named_kind_is_not_chosen_over(tmp_path: Path) -> None:
    small = {**SMALL, "fusion": {"width": 8, "fusion": "mean"}}
    (only,) = read_config(configured(tmp_path, model=small)).candidates()
    assert (only.fusion.fusion, only.fusion.width) == ("mean", 8)


def test_the_recipe_of_a_cohort_is_the_one_that_ships(tmp_path: Path) -> None:
    """Without settings of its own ``ml train`` trains what the results judge and what ships."""
    path = configured(tmp_path, expressions=list(PUBLIC_EXPRESSIONS), model={})
    assert read_config(path).candidates() == SHIPPED.candidates


def test_a_kind_without_a_card_stops_before_training(
    table: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The card is rendered first, so nobody learns after an hour that a kind has no words."""
    config = read_config(configured(table.parent))
    wordless = {kind: known for kind, known in FUSIONS.items() if kind != Fusion.TRANSFORMER}
    monkeypatch.setattr(card, "FUSIONS", wordless)
    caplog.set_level(logging.INFO)
    with pytest.raises(KeyError, match="transformer"):
        train(config, table.parent / "cache")
    assert not any("training" in line for line in caplog.messages)


@pytest.mark.parametrize("kind", list(Fusion))
def test_every_kind_of_fusion_is_specified(kind: Fusion) -> None:
    config = fusion_spec(("smile", "disgust"), kind).fusion
    tokens, present = torch.zeros(2, 2, config.token_width), torch.ones(2, 2, dtype=torch.bool)
    assert FusionModel(config)(tokens, present).attention.sum(dim=-1).tolist() == pytest.approx(
        [1, 1]
    )
    assert FUSIONS[kind].words
    page = Path(__file__).parents[3] / "docs/training.md"
    (said,) = re.findall(r"^\| `model` .*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert kind in re.findall(r"\w+", said), "docs/training.md: the entry `model`"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surprise_entry": 1}, "surprise_entry"),
        ({"model": {"fusion": {"colour": 1}}}, "model.fusion.colour"),
        ({"model": {"fusion": {"fusion": "magic"}}}, "model.fusion.fusion"),
        ({"model": {"fusion": {"expressions": ["a"]}}}, "model.fusion.expressions"),
        ({"model": {"fusion": {"token_width": 3}}}, "model.fusion.token_width"),
        ({"model": {"fusion": {"width": 7, "fusion": "multihead"}}}, "multiple of heads"),
        ({"diagnosis": {"network": {"signs": ["blink-rate"]}}}, "diagnosis.network.signs"),
        ({"diagnosis": {"network": {"grades": 5}}}, "diagnosis.network.grades"),
    ],
)
def test_a_config_that_cannot_work_is_named(
    table: Path, change: dict[str, object], words: str
) -> None:
    path = configured(table.parent, **change)
    with pytest.raises(ConfigError, match=words):
        read_config(path)


def test_missing_config_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(tmp_path / "no.json")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_cohort_that_cannot_be_trained_on_stops_first(tmp_path: Path) -> None:
    config = read_config(configured(tmp_path))
    with pytest.raises(CohortError, match="no such file"):
        read_cohort(config, tmp_path)
    header = "subject,pd,split,smile_mouth-open_mean\n"
    cases = {
        "that class is empty": "a,1,train,0.9\nb,1,train,0.8\n",
        "in split 'train'": "a,1,train,0.9\na,1,test,0.8\nb,0,train,0.7\n",
        "train on has disgust": "a,1,train,0.9\nb,0,train,0.7\n",
        "has a usable feature": "a,1,train,\nb,0,train,nan\n",
    }
    for words, rows in cases.items():
        (tmp_path / "people.csv").write_text(header + rows)
        with pytest.raises(CohortError, match=words):
            read_cohort(config, tmp_path)


def test_grades_need_every_grade(tmp_path: Path) -> None:
    write_people(tmp_path / "people.csv", people=40, strength=0.1)
    with pytest.raises(CohortError, match="grade"):
        read_cohort(read_config(configured(tmp_path, grades=True)), tmp_path)


def emptied(path: Path, *cells: tuple[str, Callable[[int, dict[str, str]], bool]]) -> None:
    """Empties the features that start like this in the rows that are meant."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for prefix, meant in cells:
        for n, row in enumerate(rows):
            if meant(n, row):
                row.update({name: "" for name in row if name.startswith(prefix)})
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_too_few_with_every_expression_are_refused_before_training(tmp_path: Path) -> None:
    """Else the calibration of who has all of them fails when every fold is trained."""
    config = read_config(configured(tmp_path))
    path = tmp_path / "people.csv"
    write_people(path, people=4)
    with pytest.raises(CohortError, match="only 2 subjects have pd 0; 3 folds need as many"):
        train(config, tmp_path)
    write_people(path, people=64)
    emptied(path, ("smile_", lambda n, _: n < 32), ("disgust_", lambda n, _: n >= 32))
    with pytest.raises(CohortError, match="only 0 subjects have pd 0 and all of smile and disgust"):
        train(config, tmp_path)
    write_people(path, people=64)
    emptied(path, ("disgust_", lambda n, _: n >= 5))
    with pytest.raises(CohortError, match=r"only 2 subjects have pd 1 .*\(disgust is the rarest\)"):
        train(config, tmp_path)


def test_grades_are_counted_where_there_is_something_to_learn(tmp_path: Path) -> None:
    path = write_people(tmp_path / "people.csv")
    config = read_config(configured(tmp_path, grades=True))
    read_cohort(config, tmp_path)
    for name in ("smile_", "disgust_"):
        emptied(path, (name, lambda _, row: row["grade"] == "4"))
    with pytest.raises(CohortError, match="grade 4"):
        read_cohort(config, tmp_path)


def test_every_grade_of_too_few_people_is_refused(tmp_path: Path) -> None:
    path = write_people(tmp_path / "people.csv", people=40)
    text = path.read_text().splitlines()
    at = text[0].split(",").index("grade")
    for n, line in enumerate(text[1:], start=1):
        cells = line.split(",")
        cells[at] = str(n % 5) if n <= 6 else ""
        text[n] = ",".join(cells)
    path.write_text("\n".join(text) + "\n")
    with pytest.raises(CohortError, match="only 6 subjects have a grade; 10 are needed"):
        read_cohort(read_config(configured(tmp_path, grades=True)), tmp_path)


def test_an_expression_nobody_has_is_refused(tmp_path: Path) -> None:
    write_people(tmp_path / "people.csv", people=40)
    config = read_config(configured(tmp_path, expressions=["smile", "fear"]))
    with pytest.raises(CohortError, match="no row to train on has fear"):
        read_cohort(config, tmp_path)


def test_any_order_of_expressions_gives_the_same_index(tmp_path: Path) -> None:
    """A small cohort borrows the shipped index, which has an order and expressions of its own."""
    write_people(tmp_path / "people.csv", people=40)
    row = dict.fromkeys(load_shipped().norms.tables, 0.02)
    found = []
    for names in (["smile", "disgust"], ["disgust", "smile"]):
        path = configured(tmp_path, expressions=names, out="-".join(names))
        train(read_config(path), tmp_path)
        found.append(load(tmp_path / "-".join(names)).score([row])[0].hypomimia_index)
    shipped = {k: v for k, v in row.items() if not k.startswith("surprise")}
    want = load_shipped().score([shipped])[0].hypomimia_index
    assert found == pytest.approx([want, want])


def test_balancing_is_adaptive_unless_a_term_is_changed(tmp_path: Path) -> None:
    adaptive = PRESETS["adaptive"]
    assert read_config(configured(tmp_path)).candidates()[0].balance == adaptive
    without = {**SMALL, "balance": {"class_difficulty": 0.0}}
    changed = read_config(configured(tmp_path, model=without)).candidates()[0].balance
    assert changed == replace(adaptive, class_difficulty=0.0)


def test_too_few_people_for_the_class_difficulty_are_refused(tmp_path: Path) -> None:
    write_people(tmp_path / "people.csv", people=6)
    with pytest.raises(CohortError, match="6 subjects are too few"):
        train(read_config(configured(tmp_path)), tmp_path)


def load_shipped() -> Bundle:
    return load(default_bundle_path())
