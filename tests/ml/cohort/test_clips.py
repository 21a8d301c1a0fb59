"""A manifest of clips, drawn, measured, trained on and judged; a mistake in it stops the start."""

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from ml.__main__ import main
from ml.cohort.clips import measured_clip
from ml.cohort.manifest import MANIFEST, read_manifest
from ml.errors import CohortError, ConfigError, SourceError, WeightsError
from ml.scoring.assessment import assess
from ml.scoring.bundle import load
from ml.scoring.served_source import source_of
from ml.training.cohort_to_bundle import read_cohort, train
from ml.training.config import read_config
from tests.clip_bundle import write_source
from tests.patience import PATIENCE
from tests.servers import wait_for

ROOT = Path(__file__).parents[3]
PEOPLE = 6
CONFIG = {
    "name": "clips",
    "version": "1",
    "cohort": "cohort",
    "out": "bundle",
    "expressions": ["smile", "disgust"],
    "model": {
        "folds": 2,
        "members": 1,
        "balance": {"class_difficulty": 0},
        "fusion": {"fusion": "attention", "width": 8},
        "schedule": {"steps": 10, "batch": 8, "learning_rate": 0.03},
    },
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people, three with PD, one of each kind in the test split."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    options = [
        "--subjects", str(PEOPLE), "--expressions", "smile,disgust", "--seconds", "3",
        "--fps", "15", "--size", "320x240", "--workers", "1", "--seed", "3",
    ]  # fmt: skip
    assert main(["phantom", "cohort", *options, "--out", str(folder / "cohort")]) == 0
    splits = ["test"] * 4 + ["train"] * (2 * PEOPLE - 4)
    change(
        folder,
        lambda n, row: row | {"pd": str(n // 2 % 2), "grade": "", "split": splits[n]},
    )
    return folder


def change(folder: Path, edit: Callable[[int, dict[str, str]], dict[str, str]]) -> None:
    path = folder / "cohort" / MANIFEST
    with path.open(newline="", encoding="utf-8") as stream:
        rows = [edit(n, row) for n, row in enumerate(csv.DictReader(stream))]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list({name: None for row in rows for name in row}))
        writer.writeheader()
        writer.writerows(rows)


def measured(cache: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mtime_ns for file in cache.rglob("*.json")}


def test_train_twice_and_evaluate(drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache = drawn / "cache"
    arguments = ["train", str(drawn / "config.json"), "--cache", str(cache)]
    assert main(arguments) == 0
    first, kept = load(drawn / "bundle"), measured(cache)
    assert len(kept) == 2 * PEOPLE
    assert first.metadata["training"]["subjects"] == PEOPLE - 2
    assert first.metadata["intensity_source"] == "geometric"
    assert "Attention fusion (`attention`)" in first.card
    (drawn / "again.json").write_text(json.dumps(CONFIG | {"out": "again"}))
    assert main(["train", str(drawn / "again.json"), "--cache", str(cache)]) == 0
    assert measured(cache) == kept, "a second run reads the features, it does not measure again"
    same = [load_file(drawn / out / "weights.safetensors") for out in ("bundle", "again")]
    assert all((same[0][name] == same[1][name]).all() for name in same[0])
    capsys.readouterr()
    judge = ["evaluate", str(drawn / "bundle"), str(drawn / "cohort"), "--cache", str(cache)]
    assert main([*judge, "--out", str(drawn / "report"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["subjects"], found["unscorable"]) == (2, 0)
    assert {"auroc", "brier_skill", "ece"} <= found["pd"].keys()


@pytest.mark.nightly
def test_two_processes_train_what_one_trains(drawn: Path) -> None:
    """Each measures its half of the clips and trains its half of the folds."""
    for out in ("one", "two"):
        (drawn / f"{out}.json").write_text(json.dumps(CONFIG | {"out": out}))
    assert main(["train", str(drawn / "one.json"), "--cache", str(drawn / "cache")]) == 0
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone",
        "-m", "ml", "train", str(drawn / "two.json"), "--cache", str(drawn / "fresh"),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("train: wrote") == 1
    assert len(measured(drawn / "fresh")) == 2 * PEOPLE
    one, two = (load_file(drawn / out / "weights.safetensors") for out in ("one", "two"))
    assert one.keys() == two.keys()
    assert all((one[name] == two[name]).all() for name in one)


def test_stopped_it_says_how_to_go_on_and_keeps_what_is_measured(
    drawn: Path, tmp_path: Path
) -> None:
    """Ctrl-C in a terminal: every process of the group gets it, the ones that measure too."""
    cache = tmp_path / "cache"
    config = drawn / "stopped.json"
    config.write_text(json.dumps(CONFIG | {"out": "stopped"}))
    command = [sys.executable, "-m", "ml", "train", str(config), "--cache", str(cache)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has told them not to hear it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),
    ) as training:
        wait_for(lambda: measured(cache), "the first clips are measured")
        kept = measured(cache)
        os.killpg(training.pid, signal.SIGINT)
        _, said = training.communicate(timeout=PATIENCE)
    assert training.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-2:] == [
        f"train: the clips under way are finished; what is measured is kept in {cache}",
        "train: stopped",
    ]
    assert len(kept) < 2 * PEOPLE, "it was over before it was stopped"
    assert kept.items() <= measured(cache).items()


def test_a_person_who_comes_again_is_two_rows_of_one_subject(drawn: Path) -> None:
    before = (drawn / "cohort" / MANIFEST).read_text()
    try:
        change(drawn, lambda n, row: row | {
            "session": str(n // 2), "subject": f"p{n // 4}", "pd": str(n // 2 % 2),
            "split": "test" if n < 4 else "train"})  # fmt: skip
        cohort = read_cohort(read_config(drawn / "config.json"), drawn / "cache")
    finally:
        (drawn / "cohort" / MANIFEST).write_text(before)
    assert list(cohort.subject) == ["p1", "p1", "p2", "p2"]
    assert list(cohort.pd) == [0, 1, 0, 1]


def test_an_lstm_on_a_clip_source_is_trained_judged_and_served(
    drawn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One measurement of each clip serves the features, the LSTM, the fusion and the judgement."""
    write_source(drawn / "source")
    lstm = {"network": {"units": 4, "longest": 3}, "fit": {"epochs": 2}}
    config = {**CONFIG, "name": "lstm", "out": "lstm", "diagnosis": lstm}
    config["intensity_source"] = "local-dir:source"
    (drawn / "lstm.json").write_text(json.dumps(config))
    arguments = ["--cache", str(drawn / "lstm-cache")]
    assert main(["train", str(drawn / "lstm.json"), *arguments]) == 0
    kept = measured(drawn / "lstm-cache")
    assert len(kept) == 2 * PEOPLE
    assert not (drawn / "lstm.partial").exists()
    bundle = load(drawn / "lstm")
    source = source_of(bundle)
    assert bundle.intensity_source == source.identity.name == "clip"
    assert bundle.diagnosis is not None
    assert bundle.diagnosis.source == source.identity
    assert bundle.diagnosis.network.config.expressions == ("smile", "disgust")
    card = " ".join(bundle.card.split())
    assert "An LSTM reads these curves (4 units" in card
    assert "curves that a network reads from the pictures (the clip source)" in card
    assert "geometry only" not in card

    capsys.readouterr()
    judge = ["evaluate", str(drawn / "lstm"), str(drawn / "cohort"), *arguments]
    assert main([*judge, "--out", str(drawn / "report"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unscorable"] == 0
    assert measured(drawn / "lstm-cache") == kept

    clips = read_manifest(drawn / "cohort")[:2]
    embeds = drawn / "lstm" / "intensity"
    session = {c.expression: measured_clip(c, drawn / "lstm-cache", embeds) for c in clips}
    found = assess(session, bundle=bundle).to_json()
    assert found["intensity_source"] == source.identity.to_json()
    assert found["diagnosis"]["source"] == source.identity.to_json()
    assert found["diagnosis"]["used"] == ["smile", "disgust"]
    assert 0 < found["diagnosis"]["p_pd"] < 1
    assert found["attention"].keys() == {"smile", "disgust", "curves"}
    higher = assess(session, bundle=bundle, prevalence=0.9).to_json()
    assert higher["diagnosis"]["p_pd"] > found["diagnosis"]["p_pd"]
    plain = {c.expression: measured_clip(c, drawn / "cache") for c in clips}
    with pytest.raises(SourceError, match="measured without them"):
        assess(plain, bundle=bundle)


def test_settings_of_curves_that_cannot_work_stop_before_measuring(drawn: Path) -> None:
    def refused(**entries: object) -> str:
        (drawn / "wrong.json").write_text(json.dumps({**CONFIG, "out": "none", **entries}))
        with pytest.raises((ConfigError, WeightsError)) as fault:
            train(read_config(drawn / "wrong.json"), drawn / "never")
        return str(fault.value)

    assert "intensity_source: geometric, blendshapes, or local-dir:DIR" in refused(
        intensity_source="clip"
    )
    assert "nowhere/source.json: the file is missing" in refused(
        intensity_source="local-dir:nowhere"
    )
    assert "diagnosis.network.units: must be a whole" in refused(
        diagnosis={"network": {"units": "many"}}
    )
    assert "needs a cohort of clips" in refused(diagnosis=True, cohort="cohort/manifest.csv")
    assert not (drawn / "never").exists()


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("grade", "5", "row 6: the grade 5 is not one of 0 to 4"),
        ("pd", "2", "row 6: the PD label '2' is neither yes nor no"),
        ("clip", "gone.mp4", "row 6: the clip gone.mp4 is missing"),
        ("split", "test", "row 7: subject .* is in split"),
        ("age", "61", "row 7: subject .* has other labels than in row 6"),
        ("sha256", "0" * 64, "row 6: the content of .* is not"),
        ("pd", "", "row 7: subject .* has other labels than in row 6"),
        ("expression", "disgust", "row 7: subject .* has disgust in row 6 already"),
    ],
)
def test_a_mistake_stops_before_measuring(
    drawn: Path, tmp_path: Path, column: str, value: str, words: str
) -> None:
    before = (drawn / "cohort" / MANIFEST).read_text()
    try:
        change(drawn, lambda n, row: row | {column: value if n == 4 else row.get(column, "")})
        with pytest.raises(CohortError, match=words):
            read_cohort(read_config(drawn / "config.json"), tmp_path / "cache")
    finally:
        (drawn / "cohort" / MANIFEST).write_text(before)
    assert not (tmp_path / "cache").exists()


def test_an_empty_class_stops_before_measuring(drawn: Path, tmp_path: Path) -> None:
    before = (drawn / "cohort" / MANIFEST).read_text()
    try:
        change(drawn, lambda _, row: row | {"pd": "1"})
        with pytest.raises(CohortError, match=f"{MANIFEST}: no row has pd 0"):
            read_cohort(read_config(drawn / "config.json"), tmp_path / "cache")
    finally:
        (drawn / "cohort" / MANIFEST).write_text(before)
    assert not (tmp_path / "cache").exists()
