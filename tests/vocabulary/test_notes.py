"""Each note has words for the clinician, a request for the patient, and something that finds it."""

from pathlib import Path

import pytest
from django.conf import settings

from screening.api.present import _seen
from screening.pages.clinic import _words
from vocabulary.assessment import ClipReport
from vocabulary.notes import Note


@pytest.mark.parametrize("note", Note)
def test_it_is_said_to_both_and_found(note: Note) -> None:
    assert note.clinician.endswith(".")
    assert note.request.endswith(".")
    assert 0 < note.weight <= 1
    rules = (Path(settings.ROOT) / "ml/signs/asked.py").read_text(encoding="utf-8")
    assert f"Note.{note.name}" in rules, f"nothing finds {note}: ml/signs/asked.py"
    assert _words()["notes"][note] == note.clinician


def test_a_patient_reads_the_request_after_what_was_measured() -> None:
    clip: ClipReport = {
        "expression": "smile", "state": "measured", "reason": None, "detail": "", "quality": {},
        "signs": [], "curve": None, "notes": ["talking", "of a later version"],
    }  # fmt: skip
    assert _seen(clip)["words"] == f"Recorded and measured. {Note.TALKING.request}"
    del clip["notes"]
    assert _seen(clip)["words"] == "Recorded and measured."
