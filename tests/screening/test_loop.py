"""The loop: consented recordings out, a new bundle in, compared in the shadow, activated or not."""

import csv
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from screening.errors import Conflict, NotAllowed, WrongState
from screening.models import AccessEvent, Assessment, Event, Intake, Patient, Screening
from screening.services import bundles, cohort, comparison, consents, measuring, reviews, screenings
from tests.screening import factories as make
from tests.screening.conftest import Client

pytestmark = pytest.mark.django_db


def trainable(grade: int | None = None, **site: object) -> Screening:
    patient = make.PatientFactory(**{f"site__{key}": value for key, value in site.items()})
    make.consent(patient, "care", "training")
    screening = make.scored(patient)
    if grade is not None:
        review(screening, grade)
    return screening


def review(screening: Screening, grade: int) -> None:
    by = make.ClinicianFactory(site=screening.site)
    reviews.sign_off(by=by, screening=screening, grade=grade)


def exported(folder: Path) -> list[dict[str, str]]:
    call_command("export_cohort", str(folder))
    with (folder / "manifest.csv").open() as file:
        return list(csv.DictReader(file))


def test_export_holds_what_the_consent_allows(tmp_path: Path) -> None:
    graded = trainable(grade=3)
    review(graded, 2)
    trainable()
    make.scored()  # care only
    taken_back = trainable()
    by = make.person(taken_back)
    consents.withdraw(patient=taken_back.patient, by=by)
    narrowed = trainable()
    make.consent(narrowed.patient, "care")
    phantom = trainable()
    Screening.objects.filter(pk=phantom.pk).update(is_phantom=True)

    rows = exported(tmp_path / "out")
    assert len(rows) == 4
    assert {row["subject"] for row in rows if row["grade"] == "2"} == {
        cohort.subject_code(graded.patient)
    }
    assert [row["grade"] for row in rows].count("") == 2
    assert AccessEvent.objects.filter(action="cohort.exported").count() == 2


def test_export_is_whole_and_names_nobody(tmp_path: Path) -> None:
    screening = trainable(grade=1)
    Intake.objects.filter(screening=screening).delete()
    Intake.objects.create(screening=screening, age_years=67, sex="female")
    rows = exported(tmp_path / "out")
    assert {(row["age"], row["sex"], row["pd"]) for row in rows} == {("67", "female", "")}
    assert [(row["expression"], row["grade"]) for row in rows] == [("rest", "1"), ("smile", "1")]
    for row in rows:
        content = (tmp_path / "out" / row["clip"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
    assert {row["sha256"] for row in rows} == {clip.sha256 for clip in screening.clips.all()}
    text = (tmp_path / "out" / "manifest.csv").read_text()
    for secret in (screening.patient.pseudonym, screening.patient.name, str(screening.pk)):
        assert secret not in text


def test_a_person_stays_in_one_split(tmp_path: Path) -> None:
    first = trainable()
    make.scored(first.patient)
    rows = exported(tmp_path / "out")
    assert len(rows) == 4
    assert len({(row["subject"], row["split"]) for row in rows}) == 1
    names = [f"S-{n}" for n in range(500)]
    shares = [[cohort.split_of(name) for name in names].count(s) for s in ("test", "val")]
    assert all(70 < share < 130 for share in shares)


def test_export_into_a_used_folder(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_cohort", str(tmp_path))


def test_changed_file_stops_the_export(tmp_path: Path, clips_folder: Path) -> None:
    screening = trainable()
    clip = screening.clips.all()[0]
    (clips_folder / clip.storage_key).write_bytes(b"something else")
    with pytest.raises(CommandError, match=str(clip.pk)):
        call_command("export_cohort", str(tmp_path / "out"))
    assert not (tmp_path / "out" / "manifest.csv").exists()


def test_registering_twice_and_under_a_taken_label() -> None:
    def register(digest: str, path: str = "here") -> object:
        return bundles.register(
            path=path, name="own", version="1", digest=digest, sources={}, metadata={}
        )

    first = register("a" * 64)
    assert register("a" * 64, path="elsewhere") == first
    with pytest.raises(Conflict):
        register("b" * 64)


def test_shadow_sees_old_and_new_and_patients_never_see_it() -> None:
    old = make.scored(site_policy_at_once())
    shadow = bundles.set_shadow(by=None, bundle=make.BundleFactory())
    assert ("worker.assess_shadows", str(old.pk)) in measuring.due()
    make.read_together()
    told = Event.objects.count()
    make.assess(old, hypomimia_index=5.0)
    assert Event.objects.count() == told
    assert measuring.claim_assessment(screening_id=old.pk) is None
    assert not measuring.due()

    new = make.submitted(make.PatientFactory(site=old.site))
    found = measuring.claim_assessment(screening_id=new.pk)
    assert found is not None
    assert [one.is_shadow for one in found.targets] == [False, True]
    make.assess(new)
    assert new.bundle != shadow
    assert Assessment.objects.filter(is_shadow=True).count() == 2


def site_policy_at_once() -> Patient:
    patient: Patient = make.PatientFactory(site__release_policy="at_once")
    return patient


def test_a_shadows_result_does_not_score_or_release() -> None:
    screening = make.submitted(site_policy_at_once())
    shadow = bundles.set_shadow(by=None, bundle=make.BundleFactory())
    found = measuring.claim_assessment(screening_id=screening.pk)
    assert found is not None
    measuring.store_assessment(
        screening_id=screening.pk,
        bundle=shadow.pk,
        measurements_digest=found.targets[0].measurements_digest,
        result=make.result(),
        is_shadow=True,
    )
    screening.refresh_from_db()
    assert screening.state == "submitted"


def test_comparison_counts_pairs_in_the_clinicians_order(
    client_of: Callable[..., Client],
) -> None:
    site = make.SiteFactory()
    clinician = make.ClinicianFactory(site=site)
    active = make.active_bundle()
    shadow = bundles.set_shadow(by=None, bundle=make.BundleFactory())
    # The active bundle orders them rightly, the shadow the other way round and ties once.
    said = {0: (10.0, 90.0), 2: (50.0, 90.0), 4: (90.0, 10.0)}
    for grade, by_bundle in said.items():
        screening = make.submitted(make.PatientFactory(site=site))
        found = measuring.claim_assessment(screening_id=screening.pk)
        assert found is not None
        for target, index in zip(found.targets, by_bundle, strict=True):
            measuring.store_assessment(
                screening_id=screening.pk,
                bundle=target.bundle_id,
                measurements_digest=target.measurements_digest,
                result=make.result(hypomimia_index=index),
                is_shadow=target.is_shadow,
            )
        reviews.sign_off(by=clinician, screening=screening, grade=grade)

    ours = {one.bundle: one for one in comparison.agreements(by=clinician, site=site)}
    assert (ours[active].pairs, ours[active].share) == (3, 1.0)
    assert ours[shadow].share == pytest.approx(0.5 / 3)
    assert (ours[active].graded, ours[active].distance) == (3, None)
    body = client_of(clinician).get(f"/api/v1/sites/{site.pk}/comparison/").json()
    assert [one["status"] for one in body["bundles"]] == ["active", "shadow"]
    newest = body["screenings"][0]
    assert newest["grade"] == 4
    assert newest["answers"][shadow.digest]["hypomimia_index"] == 10.0

    everywhere = client_of(make.AdminFactory()).get("/api/v1/comparison/").json()
    assert everywhere["bundles"][0]["pairs"] == 3
    assert everywhere["screenings"] == []
    assert client_of(clinician).get("/api/v1/comparison/").status_code == 403
    stranger = client_of(make.ClinicianFactory())
    assert stranger.get(f"/api/v1/sites/{site.pk}/comparison/").status_code == 404


def test_only_administrators_change_bundles() -> None:
    active, other = make.active_bundle(), make.BundleFactory()
    clinician = make.ClinicianFactory()
    for refused in (bundles.activate, bundles.set_shadow, bundles.retire):
        with pytest.raises(NotAllowed):
            refused(by=clinician, bundle=other)
    with pytest.raises(WrongState):
        bundles.activate(by=make.AdminFactory(), bundle=active)


def test_a_submitted_screening_keeps_its_bundle() -> None:
    screening = make.submitted()
    before = screening.bundle
    bundles.activate(by=None, bundle=make.BundleFactory())
    make.assess(screening)
    assert Assessment.objects.get(screening=screening).bundle == before
    assert screenings.current_clips(screening).count() == 2
