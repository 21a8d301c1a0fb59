"""A result has one shape: it is checked when it is kept and when it is read.

Whatever an older, a newer or a damaged row holds, no page and no address answers with a fault.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from screening import statements
from screening.errors import Invalid
from screening.models import Assessment, ClipMeasurement, Screening, Site, User
from screening.services import measuring, results, screenings
from tests.screening import factories as make
from tests.screening.conftest import Client

# A result and its smile's measurement, as earlier releases wrote them (kept/README.md).
EARLIER = sorted((Path(__file__).parent / "kept").glob("*.json"))
ClientOf = Callable[[User], Client]
pytestmark = pytest.mark.django_db


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in make.result().items() if name != key}


UNLIKE = {
    "nothing": {},
    "a list": [],
    "without its clips": without("clips"),
    "a word for a number": make.result(p_pd="high"),
    "a list for a clip": make.result(clips=[[]]),
    "a number too many": make.result(p_pd_interval=[0.1, 0.2, 0.3]),
}
NEWER = make.result(schema=99, hypomimia_index={"low": 1, "high": 2})


def kept(result: Any, *, state: str = "released") -> Screening:
    """A scored screening in whose row stands this result."""
    screening = make.scored(release_policy="at_once" if state == "released" else "after_review")
    Assessment.objects.filter(screening=screening).update(result=result)
    screening.refresh_from_db()
    assert screening.state == state
    return screening


@pytest.mark.parametrize("name", UNLIKE)
def test_what_is_no_result_is_not_kept(name: str) -> None:
    with pytest.raises(Invalid):
        results.checked(UNLIKE[name])


def test_a_number_that_is_none_is_not_kept() -> None:
    with pytest.raises(Invalid, match="number"):
        results.checked(make.result(p_pd=float("nan")))


def test_the_measuring_process_is_not_believed() -> None:
    screening = make.submitted()
    found = measuring.claim_assessment(screening_id=screening.pk)
    assert found is not None
    for target in found.targets:
        with pytest.raises(Invalid, match="hypomimia_index"):
            measuring.store_assessment(
                screening_id=screening.pk,
                bundle=target.bundle_id,
                measurements_digest=target.measurements_digest,
                result=make.result(hypomimia_index="<script>"),
            )
    assert not Assessment.objects.exists()


def test_a_result_of_before_a_part_was_added_is_read(client_of: ClientOf) -> None:
    screening = kept(without("diagnosis"))
    Site.objects.update(clinicians_see_weak_p_pd=True)
    address = f"/api/v1/screenings/{screening.pk}/assessment/"
    answer = client_of(make.ClinicianFactory(site=screening.site)).get(address)
    assert answer.status_code == 200
    assert answer.json()["result"] == without("diagnosis")


@pytest.mark.parametrize("file", EARLIER, ids=[file.stem for file in EARLIER])
def test_every_page_reads_what_earlier_releases_kept(client_of: ClientOf, file: Path) -> None:
    earlier = json.loads(file.read_text())
    screening = kept(earlier["result"])
    Site.objects.update(clinicians_see_weak_p_pd=True)
    ClipMeasurement.objects.update(measurement=earlier["measurement"])
    address = f"/api/v1/screenings/{screening.pk}/assessment/"
    clinic = client_of(make.ClinicianFactory(site=screening.site))
    assert clinic.get(address).json()["result"] == earlier["result"]
    clip = make.clip_of(screening, "smile")
    found = clinic.get(f"/api/v1/clips/{clip.pk}/measurement/").json()
    assert found["measurement"].items() <= earlier["measurement"].items()
    (smile,) = (c for c in earlier["result"]["clips"] if c["expression"] == "smile")
    assert found["curve"] == smile["curve"]
    told = client_of(make.person(screening)).get(address).json()
    assert told["statement"]["sentences"][0]["code"].startswith("movement_")
    assert [one["expression"] for one in told["seen"]] == ["rest", "smile", "disgust", "surprise"]


@pytest.mark.parametrize("result", [*UNLIKE.values(), NEWER], ids=[*UNLIKE, "a newer version"])
def test_every_page_says_what_to_do_about_a_result_that_cannot_be_read(
    client_of: ClientOf, result: Any
) -> None:
    screening = kept(result)
    clinic = client_of(make.ClinicianFactory(site=screening.site))
    own = client_of(make.person(screening))
    address = f"/api/v1/screenings/{screening.pk}/"
    told = clinic.get(f"{address}assessment/")
    assert (told.status_code, told.json()["code"]) == (409, "result_unreadable")
    assert ("newer version" in told.json()["detail"]) == (result is NEWER)
    assert clinic.get(address).status_code == 200
    for told in (own.get(address).json()["result"], own.get(f"{address}assessment/").json()):
        assert told["statement"] == statements.unreadable()
    for clip in screenings.current_clips(screening):
        signals = clinic.get(f"/api/v1/clips/{clip.pk}/measurement/")
        assert (signals.status_code, signals.json()["curve"]) == (200, None)


def test_a_measurement_that_cannot_be_read_says_so(client_of: ClientOf) -> None:
    screening = make.scored()
    ClipMeasurement.objects.update(measurement={"signals": 3})
    clip = screenings.current_clips(screening).first()
    clinic = client_of(make.ClinicianFactory(site=screening.site))
    told = clinic.get(f"/api/v1/clips/{clip.pk}/measurement/")
    assert (told.status_code, told.json()["code"]) == (409, "result_unreadable")
