"""What a patient reads when a recording could not be used: in each state something to do."""

import re
from pathlib import Path

import pytest
from django.conf import settings

from screening import reasons
from screening.models import Screening
from vocabulary.reasons import UnusableReason

OURS = frozenset({"attempts_used_up", "measuring_fault", "took_too_long"})


@pytest.mark.parametrize("code", [*UnusableReason, *reasons.FAILED])
@pytest.mark.parametrize("state", Screening.State.values)
def test_every_reason_has_words_for_the_patient_in_every_state(code: str, state: str) -> None:
    words = reasons.words(str(code), screening_state=state)
    assert words is not None
    assert words.title
    assert not words.title.endswith(".")
    assert words.advice.endswith(".")
    is_open = state in (Screening.State.DRAFT, Screening.State.NEEDS_RERECORD)
    # Nobody is told to record what cannot be recorded in this state.
    assert (" again" in words.advice) is (is_open or "can ask you" in words.advice) or code in OURS


def test_a_reason_of_the_measuring_reads_as_its_entry_says() -> None:
    words = reasons.words("too_dark")
    assert words == reasons.Words(UnusableReason.TOO_DARK.headline, UnusableReason.TOO_DARK.advice)


def test_no_code_is_no_reason_and_a_code_not_known_has_general_words() -> None:
    assert reasons.words("") is None
    unknown = reasons.words("something new")
    assert unknown is not None
    assert unknown.title == "This recording could not be used"


def test_every_reason_is_given_by_some_part_of_the_measuring() -> None:
    code = "".join(file.read_text() for file in (Path(settings.ROOT) / "ml").rglob("*.py"))
    given = set(re.findall(r"(?:UnusableReason|why)\.([A-Z_]+)", code))
    assert {reason.name for reason in UnusableReason} == given


def test_no_two_reasons_are_one() -> None:
    titles = [reason.headline for reason in UnusableReason]
    assert len(titles) == len(set(titles))
    assert not set(UnusableReason) & set(reasons.FAILED)
