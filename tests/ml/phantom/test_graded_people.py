"""The grades' committed config, the people drawn from it, and the oracle's arithmetic."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.errors import ConfigError
from ml.phantom import graded_people
from ml.phantom.graded_people import DEFAULT_CONFIG, draw_subject, load_config
from vocabulary.expressions import POSED, Expression

CONFIG = load_config()
# Fixed before any training: whoever changes the overlap of the grades must say so here too.
FIXED = (
    "updrs-3.2-text",
    "1.0.0",
    "449320526538fdaaba47f63839dc1203afea1b43514933f44dd39180d8ad7dd6",
)


def test_the_overlap_between_grades_has_not_been_moved() -> None:
    assert (CONFIG.name, CONFIG.version, CONFIG.digest) == FIXED


def test_grades_follow_the_items_text() -> None:
    people = [[draw_subject(CONFIG, k, 1, grade=g) for k in range(300)] for g in range(5)]

    def middle(name: str) -> list[float]:
        return [float(np.median([getattr(p, name) for p in group])) for group in people]

    blinks, lips = middle("blinks_per_minute"), middle("lips_parted")
    smiles = [np.median([p.amplitudes[Expression.SMILE] for p in group]) for group in people]
    assert blinks[1] < 0.75 * blinks[0]
    assert smiles[1] > 0.85 * smiles[0]
    assert smiles[2] < 0.8 * smiles[1]
    assert max(lips[:3]) < 0.1 < 0.25 < lips[3] < 0.55 < lips[4]
    assert (np.diff(blinks) < 0).all()
    assert (np.diff(smiles) < 0).all()


def test_the_same_numbers_draw_the_same_person() -> None:
    assert draw_subject(CONFIG, 7, 2) == draw_subject(CONFIG, 7, 2)
    assert draw_subject(CONFIG, 7, 2) != draw_subject(CONFIG, 7, 3)


def test_shares_of_grades_and_pd_are_the_configs() -> None:
    people = [draw_subject(CONFIG, k, 4) for k in range(1500)]
    grades = np.array([p.grade for p in people])
    assert np.bincount(grades, minlength=5) / len(people) == pytest.approx(
        CONFIG.prior(), abs=0.035
    )
    ill = np.array([p.pd for p in people])
    assert ill[grades == 1].mean() == pytest.approx(CONFIG.pd_given_grade()[1], abs=0.07)


def test_an_expression_that_is_added_makes_nobody_another_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = draw_subject(CONFIG, 4, seed=3)
    assert before.amplitudes[Expression.FEAR] == 0.7342  # as it was drawn when there were six
    monkeypatch.setattr(graded_people, "POSED", (*POSED, "wink"))
    after = draw_subject(CONFIG, 4, seed=3)
    drawn = {str(name): amplitude for name, amplitude in after.amplitudes.items()}
    assert drawn.pop("wink") > 0
    assert replace(after, amplitudes=before.amplitudes) == before
    assert drawn == before.amplitudes
    assert CONFIG.own_log_sd("wink") == 0.4  # the median of the six


@pytest.mark.parametrize(
    ("entry", "value", "says"),
    [
        ("speed", [1.0, 0.9], "speed"),
        ("grade_given_pd", {"0": [1, 0, 0, 0, 0], "1": [0.5, 0, 0, 0, 0]}, "add up to 1"),
        ("amplitude_own_log_sd", {"smile": 0.2}, "lacks disgust"),
        ("amplitude_own_log_sd", dict.fromkeys([*POSED, "wink"], 0.2), "no expression wink"),
        ("pd_share", None, "pd_share"),
    ],
)
def test_a_config_that_cannot_work_is_named(
    entry: str, value: object, says: str, tmp_path: Path
) -> None:
    data = json.loads(DEFAULT_CONFIG.read_text())
    data[entry] = value
    if value is None:
        del data[entry]
    (tmp_path / "grades.json").write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=says):
        load_config(tmp_path / "grades.json")
