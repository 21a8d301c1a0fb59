"""What a shadow says is read in the comparison and nowhere else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from screening.models import Screening
from screening.services import assessing, bundles, cohort, reviews
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db
OURS, SHADOWS = 71.6, 5.0


@pytest.fixture
def shadowed() -> Screening:
    """A released screening, and a shadow that was asked later and says something else."""
    patient = make.PatientFactory(site__release_policy="at_once", site__patients_see_p_pd=True)
    make.consent(patient, "care", "research", "training")
    screening = make.scored(patient)
    bundles.set_shadow(by=None, bundle=make.BundleFactory())
    make.assess(screening, hypomimia_index=SHADOWS, p_pd=0.99, abstained="quality")
    newest = screening.assessments.order_by("-created_at")[0]
    assert (newest.is_shadow, newest.hypomimia_index) == (True, SHADOWS)
    return screening


def test_the_latest_result_is_never_a_shadows(shadowed: Screening) -> None:
    found = assessing.latest(shadowed)
    assert found is not None
    assert (found.is_shadow, found.hypomimia_index, found.bundle) == (False, OURS, shadowed.bundle)


def test_nobody_reads_a_shadow_for_a_result(
    shadowed: Screening, client_of: Callable[..., Client], tmp_path: Path
) -> None:
    """The patient, the clinicians, the review that is signed, the worklist and the cohort."""
    clinician = make.ClinicianFactory(site=shadowed.site)
    own, clinic = client_of(make.person(shadowed)), client_of(clinician)
    here = f"/api/v1/screenings/{shadowed.pk}/"
    shown = own.get(here).json()["result"]
    assert shown["statement"]["index"]["value"] == round(OURS)
    assert clinic.get(f"{here}assessment/").json()["result"]["hypomimia_index"] == OURS
    assert own.get(f"{here}assessment/").json()["statement"] == shown["statement"]
    line = clinic.get(f"/api/v1/sites/{shadowed.site_id}/worklist/").json()["results"][0]
    assert line["hypomimia_index"] == OURS
    review = reviews.sign_off(by=clinician, screening=shadowed, grade=2)
    assert review.assessment is not None
    assert not review.assessment.is_shadow
    cohort.export(folder=tmp_path / "cohort")
    for written in (tmp_path / "cohort").rglob("*.csv"):
        assert str(SHADOWS) not in written.read_text().replace(str(OURS), "")


def test_nobody_is_given_somebody_elses_result(shadowed: Screening) -> None:
    """Asked about somebody whose result is the older one, and about one who has none."""
    other = make.scored(make.PatientFactory(site=shadowed.site))
    waiting = make.submitted(make.PatientFactory(site=shadowed.site))
    for screening in (shadowed, other):
        found = assessing.latest(screening)
        assert found is not None
        assert found.screening == screening
    assert assessing.latest(waiting) is None


def test_of_two_results_the_newer_one_is_read(shadowed: Screening) -> None:
    """A bundle that is asked anew after another recording adds a row."""
    first = assessing.latest(shadowed)
    assert first is not None
    other = shadowed.assessments.create(
        bundle=first.bundle, measurements_digest="d" * 64, result={}, hypomimia_index=12.0
    )
    assert assessing.latest(shadowed) == other


@pytest.mark.parametrize("state", [s for s in Screening.State if s not in assessing.ASSESSED])
def test_a_screening_that_is_not_assessed_has_no_result(shadowed: Screening, state: str) -> None:
    """While it is recorded anew, what was said is about other recordings."""
    Screening.objects.filter(pk=shadowed.pk).update(state=state)
    shadowed.refresh_from_db()
    assert assessing.latest(shadowed) is None
