"""The loop, whole: reviewed recordings out, trained on, registered, in shadow, active, and back.

Real clips of drawn faces, the real measuring process, the commands that an administrator types.
"""

import json
from pathlib import Path
from uuid import UUID, uuid5

import pytest
from django.core.management import call_command
from django.test import Client

from ml import phantom
from ml.__main__ import main
from ml.cohort.table import person_digest
from screening.models import Assessment, ModelBundle, Patient, Scope, Screening, Site, User
from screening.services import bundles, cohort, comparison, consents, reviews, screenings
from tests.worker.people import make_clinician, make_site
from worker import bundles as registry
from worker import recording, steps
from worker.pool import MeasuringPool, open_pools

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

CONFIG = {
    "name": "own", "version": "1", "cohort": "cohort", "out": "bundle", "expressions": ["smile"],
    "model": {
        "folds": 2, "members": 1, "balance": {"class_difficulty": 0}, "fusion": {"width": 4},
        "schedule": {"steps": 5, "batch": 8},
    },
}  # fmt: skip
# With and without PD, twice each to train on, once each to test on.
PEOPLE = [(pd, split) for split in ("train", "train", "test") for pd in (True, False)]


def patients(site: Site) -> list[Patient]:
    """People whose codes put them into the splits of ``PEOPLE``: the code alone decides."""
    found: list[Patient] = []
    number = 0
    for _, split in PEOPLE:
        while True:
            number += 1
            pk = uuid5(UUID(int=0), str(number))
            if cohort.split_of(cohort.subject_code(Patient(pk=pk))) == split:
                found.append(Patient.objects.create(pk=pk, site=site))
                break
    return found


def screened(patient: Patient, pd: bool, film: Path) -> Screening:
    """A smile, recorded, measured and assessed by the bundle that is active."""
    by = recording.person(patient)
    scopes = [Scope.CARE, Scope.TRAINING]
    consents.give(patient=patient, form=consents.current_form(), scopes=scopes)
    screening = screenings.start(patient=patient)
    answers = {"age_years": 70, "sex": "other", "known_pd": pd, "glasses": False, "beard": False}
    screenings.save_intake(by=by, screening=screening, answers=answers)
    received, refused = recording.upload_all(screening, by, {"smile": recording.FileClip(film)})
    assert not refused
    recording.measure_all(received, 1)
    screenings.submit(by=by, screening=screening)
    assert recording.assess_now(screening) is not None
    screening.refresh_from_db()
    return screening


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    """A short smile of each of seven drawn people."""
    camera = phantom.Capture(width=320, height=240, fps=15)
    paths = [tmp_path / f"{seed}.mp4" for seed in range(len(PEOPLE) + 1)]
    for seed, path in enumerate(paths):
        shown = phantom.perform(
            "smile", seed=seed, seconds=1.5, program=phantom.Program(repetitions=1), capture=camera
        )
        phantom.write_clip(path, shown)
    return paths


def answer_of(screening: Screening, bundle: ModelBundle) -> Assessment:
    return Assessment.objects.get(screening=screening, bundle=bundle)


def test_from_reviews_to_a_model_and_back(
    films: list[Path], pool: MeasuringPool, tmp_path: Path, client: Client
) -> None:
    shipped = registry.ensure_active()
    site = make_site(expressions=("smile",))
    clinician = make_clinician(site)
    everybody = patients(site)
    cases = [
        screened(patient, pd, film)
        for patient, (pd, _), film in zip(everybody, PEOPLE, films, strict=False)
    ]
    for grade, case in enumerate(cases):
        reviews.sign_off(by=clinician, screening=case, grade=grade % 4)

    call_command("export_cohort", str(tmp_path / "cohort"))
    (tmp_path / "train.json").write_text(json.dumps(CONFIG))
    cache = ["--cache", str(tmp_path / "cache")]
    assert main(["train", str(tmp_path / "train.json"), *cache]) == 0
    call_command("register_bundle", str(tmp_path / "bundle"), "--shadow")
    open_pools(1)  # the command closed its own behind it
    own = ModelBundle.objects.get(name="own")
    assert own.status == "shadow"

    for case in cases:
        assert steps.assess(case.pk) == 1
        assert answer_of(case, own).is_shadow
        case.refresh_from_db()
        assert case.bundle == shipped
    compare(client, clinician, site, own)

    administrator = User.objects.create_superuser("admin@example.org", "a long enough password")
    bundles.activate(by=administrator, bundle=own)
    stranger = Patient.objects.create(site=site)
    later = screened(stranger, False, films[-1])
    assert later.bundle == own
    bundles.activate(by=administrator, bundle=shipped)
    own.refresh_from_db()
    later.refresh_from_db()
    assert (own.status, later.bundle) == ("retired", own)
    assert not answer_of(later, own).is_shadow


def compare(client: Client, clinician: User, site: Site, own: ModelBundle) -> None:
    """Only the two people of the test split count: on the others the new model was trained."""
    for one in comparison.agreements(by=clinician, site=site):
        assert (one.graded, one.trained_on) == (2, 4)
    client.force_login(clinician)
    page = client.get("/clinic/models/").content.decode()
    assert page.count('<span class="badge">trained on</span>') == 4
    assert "own 1" in page
    marks = {person_digest(cohort.subject_code(patient)) for patient in site.patients.all()}
    assert set(own.metadata["training"]["people"]) < marks
