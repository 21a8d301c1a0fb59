"""A phantom cohort: a clinic's format, the same people from the same seed, resumable."""

import csv
import json
import logging
from pathlib import Path

import pytest

from ml import progress
from ml.cohort.manifest import read_manifest
from ml.errors import WrongUse
from ml.phantom.cohort import CohortSpec, programme, write_cohort

TINY = {"seconds": 1.0, "fps": 10.0, "width": 160, "height": 120, "expressions": ("rest", "smile")}


def spec(subjects: int = 2, **changed: object) -> CohortSpec:
    return CohortSpec(subjects=subjects, seed=3, **{**TINY, **changed})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("cohort")
    assert write_cohort(out, spec(), workers=1) == 4
    return out


def truth_of(folder: Path, clip: str) -> dict[str, object]:
    truth: dict[str, object] = json.loads((folder / "truth" / f"{clip}.json").read_text())
    del truth["sha256"]
    return truth


def test_it_reads_as_labelled_data_with_truth(cohort: Path) -> None:
    clips = read_manifest(cohort)
    assert [clip.expression for clip in clips] == ["rest", "smile"] * 2
    for clip in clips:
        truth = clip.read_truth()
        assert truth is not None
        assert (truth["grade"], truth["pd"]) == (clip.grade, clip.pd)
        assert truth["sha256"] == clip.sha256
        assert clip.protocol == "phantom-home"


def test_one_persons_clips_share_the_person_and_the_room(cohort: Path) -> None:
    truths = [json.loads(path.read_text()) for path in sorted((cohort / "truth").iterdir())]
    rest, smile, other = truths[0], truths[1], truths[2]
    assert rest["identity"] == smile["identity"] != other["identity"]
    assert rest["capture"] == smile["capture"] != other["capture"]
    assert rest["seed"] != smile["seed"]


def test_resuming_draws_only_what_is_missing(
    cohort: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_cohort(tmp_path, spec(), workers=1)
    lost, kept = tmp_path / "00001-smile.mp4", tmp_path / "00000-rest.mp4"
    before, truth = kept.stat().st_mtime_ns, truth_of(tmp_path, "00001-smile")
    lost.unlink()
    caplog.set_level(logging.INFO)
    caplog.clear()
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    write_cohort(tmp_path, spec(), workers=1)
    assert caplog.messages == ["drawing clips: 4 of 4, about 0 s left"]
    assert kept.stat().st_mtime_ns == before
    assert truth_of(tmp_path, "00001-smile") == truth == truth_of(cohort, "00001-smile")
    assert len(read_manifest(tmp_path)) == 4


def test_a_longer_cohort_begins_with_the_same_people(cohort: Path, tmp_path: Path) -> None:
    write_cohort(tmp_path, spec(3), workers=2)
    with (tmp_path / "manifest.csv").open() as file, (cohort / "manifest.csv").open() as short:
        longer, rows = list(csv.DictReader(file)), list(csv.DictReader(short))
    assert len(longer) == 6
    # Encoders may write other bytes for the same frames, so the hashes are left out.
    for row in (*longer, *rows):
        del row["sha256"]
    assert longer[:4] == rows
    assert truth_of(tmp_path, "00001-rest") == truth_of(cohort, "00001-rest")


def test_another_condition_films_the_same_people() -> None:
    for number in range(3):
        home, performed = programme(spec(), number, "smile")
        dark, again = programme(spec(condition="dark"), number, "smile")
        assert home == dark
        assert (performed.intensity == again.intensity).all()
        assert again.capture.light < performed.capture.light


def test_a_folder_with_another_cohort_is_refused(cohort: Path) -> None:
    with pytest.raises(WrongUse, match="seconds"):
        write_cohort(cohort, spec(seconds=2.0), workers=1)
    assert (cohort / "manifest.csv").exists()


def test_splits_hold_by_person(cohort: Path) -> None:
    from ml.phantom.cohort import split_of

    assert [split_of(number) for number in range(10)].count("test") == 2
    read_manifest(cohort)  # refuses a subject in two splits


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"subjects": 0}, "at least one"),
        ({"expressions": ("rest", "grin")}, "grin"),
        ({"expressions": ()}, "none"),
        ({"condition": "fog"}, "dark"),
        ({"suffix": ".mjpeg"}, ".mp4"),
    ],
)
def test_a_cohort_that_cannot_be_is_refused(changed: dict[str, object], says: str) -> None:
    with pytest.raises(WrongUse, match=says):
        spec(**changed)  # type: ignore[arg-type]
