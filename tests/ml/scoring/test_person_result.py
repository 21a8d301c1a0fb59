"""Several sessions of one person as one result: the JSON that others read."""

from dataclasses import replace
from typing import get_type_hints

import pytest

from ml.scoring import repeatability
from ml.scoring.person_result import Session, person_result
from vocabulary.person import PersonNumber, PersonResult


def test_it_has_the_published_shape() -> None:
    said = person_result([Session(80.0, 1.2), Session(60.0, None)], repeatability.load())
    assert set(said) == set(get_type_hints(PersonResult))
    assert set(said["hypomimia_index"]) == set(get_type_hints(PersonNumber))
    assert said["hypomimia_index"]["sessions"] == 2
    assert said["severity_expected"]["sessions"] == 1


def test_lost_pictures_make_a_session_count_less() -> None:
    known = repeatability.load()
    whole = person_result([Session(90.0, 1.0), Session(20.0, 1.0)], known)["hypomimia_index"]
    holed = person_result([Session(90.0, 1.0), Session(20.0, 1.0, 0.8)], known)["hypomimia_index"]
    assert holed["worth"] == pytest.approx(1.2)
    assert holed["mean"] is not None
    assert whole["mean"] is not None
    assert holed["mean"] > whole["mean"] + 5
    assert person_result([Session(90.0, 1.0, 1.0)], known)["hypomimia_index"]["worth"] == 0.1


def test_without_sessions_or_knowledge_nothing_is_made_up() -> None:
    nothing = person_result([Session(None, None)], repeatability.load())["hypomimia_index"]
    assert (nothing["value"], nothing["low"], nothing["sessions"]) == (None, None, 0)
    unknown = replace(repeatability.load(), index=None)
    plain = person_result([Session(40.0, 1.0), Session(60.0, 1.0)], unknown)
    assert plain["hypomimia_index"]["value"] == pytest.approx(50.0)
    assert plain["hypomimia_index"]["low"] is None
    assert plain["repeats"] is None
