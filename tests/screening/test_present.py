"""What is shown of a screening depends on where it is: taken back, recorded anew, released."""

from collections.abc import Callable
from typing import Any

import pytest

from screening.api import present
from screening.models import Screening
from screening.services import reviews, screenings
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db
Clients = Callable[..., Client]


def of(client: Client, screening: Screening, part: str = "") -> Any:
    return client.get(f"/api/v1/screenings/{screening.pk}/{part}").json()


def reviewed() -> tuple[Screening, Any]:
    """A scored screening with an intake and a grade, and the clinician who gave it."""
    draft = make.draft()
    by = make.person(draft)
    screenings.save_intake(by=by, screening=draft, answers={"known_pd": True})
    screening = make.scored(draft.patient)
    clinician = make.ClinicianFactory(site=screening.site)
    reviews.sign_off(by=clinician, screening=screening, grade=2, note="a note")
    return screening, clinician


def test_a_screening_that_was_taken_back_is_closed_to_clinicians(client_of: Clients) -> None:
    screening, clinician = reviewed()
    client = client_of(clinician)
    assert of(client, screening)["intake"]["known_pd"] is True
    assert len(of(client, screening, "reviews/")) == 1

    screenings.withdraw(by=make.person(screening), screening=screening)
    assert of(client, screening)["intake"] is None
    closed = client.get(f"/api/v1/screenings/{screening.pk}/reviews/")
    assert (closed.status_code, "a note" in closed.content.decode()) == (404, False)
    assert of(client_of(make.person(screening)), screening)["intake"]["known_pd"] is True


@pytest.mark.parametrize("code", ["too_dark", "file_missing"])
def test_advice_is_one_that_the_patient_can_follow(client_of: Clients, code: str) -> None:
    screening = make.scored()
    make.clip_of(screening, "smile")
    screening.clips.filter(step__expression="smile").update(state="unusable", reason=code)
    client = client_of(make.person(screening))
    said = {}
    for state in ("draft", "scored", "released"):
        Screening.objects.filter(pk=screening.pk).update(
            state=state, released_at=screening.scored_at
        )
        shown = [step["clip"]["words"] for step in of(client, screening)["steps"]]
        said[state] = next(words["advice"] for words in shown if words)
    assert "record this part again" in said["draft"]
    assert said["scored"] == "Your clinic can ask you to record it again."
    assert said["released"] == "You can record it in your next screening."


def test_a_failed_clip_keeps_its_words_after_the_release(client_of: Clients) -> None:
    screening = make.scored()
    screening.clips.update(state="failed", reason="took_too_long")
    (first, _) = of(client_of(make.person(screening)), screening)["steps"]
    assert "The clinic has been told" in first["clip"]["words"]["advice"]


def test_an_abstention_advises_only_what_is_possible(client_of: Clients) -> None:
    screening = make.submitted(make.PatientFactory(site__release_policy="at_once"))
    make.assess(screening, abstained="quality")
    said = of(client_of(make.person(screening)), screening)["result"]["statement"]["sentences"]
    (told,) = (one["text"] for one in said if one["topic"] == "next")
    assert told.startswith("You can record again in your next screening.")


def test_an_earlier_result_is_not_shown_while_the_screening_is_recorded_anew(
    client_of: Clients,
) -> None:
    screening, clinician = reviewed()
    client = client_of(clinician)
    worklist = f"/api/v1/sites/{screening.site_id}/worklist/"
    smile = make.clip_of(screening, "smile")

    def shown() -> tuple[Any, int, Any]:
        (line,) = client.get(worklist).json()["results"]
        body = client.get(f"/api/v1/screenings/{screening.pk}/assessment/")
        curve = client.get(f"/api/v1/clips/{smile.pk}/measurement/").json().get("curve")
        return line["hypomimia_index"], body.status_code, curve and curve["intensity"]

    assert shown() == (71.6, 200, [0.5])
    screenings.request_rerecord(by=clinician, screening=screening, steps=["rest"])
    assert shown() == (None, 404, None)
    make.measure(make.send(make.clip_of(screening, "rest"), make.VIDEO + b"again"))
    screenings.submit(by=make.person(screening), screening=screening)
    assert shown() == (None, 404, None)
    make.assess(screening, hypomimia_index=30.0)
    assert shown()[:2] == (30.0, 200)


def test_patients_read_of_every_sign_that_has_words_for_them(
    client_of: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = {"unit": "", "percentile": None, "norm": None}
    signs = [{"name": name, "value": 1.0, **nothing} for name in ("one", "other", "third")]
    (smile,) = make.result()["clips"]
    smiles = [{**smile, "signs": shown} for shown in (signs, signs[1:2])]
    words = {"one": "it was seen", "third": "it was slow"}
    monkeypatch.setattr(present, "patient_words", lambda name, _: words.get(name))
    screening = make.submitted(make.PatientFactory(site__release_policy="at_once"))
    make.assess(screening, **make.result(clips=smiles))
    seen = of(client_of(make.person(screening)), screening)["result"]["seen"]
    assert [one["words"] for one in seen] == [
        "Measured: it was seen; it was slow.",
        "Recorded and measured.",
    ]
