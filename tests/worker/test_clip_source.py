"""A bundle with the CLIP source, served: measured with its encoder, never without it."""

import shutil
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest
from django.db import connections
from django.utils import timezone

from ml.scoring.bundle import load
from ml.scoring.served_source import encoder_of, source_of
from screening.models import Assessment, ClipMeasurement, Event, ModelBundle, Screening
from screening.services import bundles as bundle_rows
from screening.services import measuring, retries
from tests.clip_bundle import write_clip_bundle
from tests.worker.conftest import wait_for
from tests.worker.people import Session
from tests.worker.test_screen import screen
from webapp import health
from worker import bundles, report, steps
from worker.errors import MeasuringFault
from worker.files import local_clip
from worker.pool import MeasuringPool, Urgency

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip_bundle(tmp_path_factory.mktemp("bundles") / "one")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A bundle's directory of this test's own, free to be damaged."""
    return shutil.copytree(made, tmp_path / "bundle")


def activated(folder: Path) -> ModelBundle:
    row = bundles.register(folder)
    if row.status != ModelBundle.Status.ACTIVE:
        bundle_rows.activate(by=None, bundle=row)
    return row


def measured(session: Session) -> Session:
    for expression in ("rest", "smile"):
        assert steps.measure(session.send(expression).pk)
    return session


def activated_after_measuring(session: Session, folder: Path) -> ModelBundle:
    """Measured while a geometric bundle was active, submitted under one on CLIP."""
    bundles.ensure_active()
    measured(session)
    active = activated(folder)
    session.submit()
    return active


def curve_digests(assessment: Assessment) -> set[str]:
    return {clip["curve"]["source"]["digest"] for clip in assessment.result["clips"]}


def encoders() -> list[str]:
    return sorted(ClipMeasurement.objects.values_list("encoder", flat=True))


def test_clips_are_measured_for_the_active_bundle_and_assessed_on_its_source(
    session: Session, pool: MeasuringPool, folder: Path
) -> None:
    bundle = activated(folder)
    source = source_of(load(folder))
    assert encoders() == []
    measured(session).submit()
    assert encoders() == [bundle.encoder] * 2
    assert steps.assess(session.screening.pk) == 1
    found = Assessment.objects.get()
    assert found.result["intensity_source"] == source.identity.to_json()
    assert source.identity.name == "clip"
    assert curve_digests(found) == {source.identity.digest}
    smile = next(clip for clip in found.result["clips"] if clip["expression"] == "smile")
    assert max(smile["curve"]["intensity"]) > 0


@pytest.mark.nightly
def test_a_geometric_bundle_in_the_shadow_reads_the_same_measurements(
    session: Session, pool: MeasuringPool, folder: Path
) -> None:
    shadow = bundles.register()
    bundle_rows.set_shadow(by=None, bundle=shadow)
    active = activated(folder)
    measured(session).submit()
    assert steps.assess(session.screening.pk) == 2
    assert encoders() == [active.encoder] * 2, "landmarks are in every measurement"
    beside = Assessment.objects.get(bundle=shadow)
    assert beside.result["intensity_source"]["name"] == "geometric"
    assert steps.assess(session.screening.pk) == 0


def test_a_shadow_with_another_source_gets_its_own_measurements_and_changes_nothing(
    session: Session, pool: MeasuringPool, folder: Path
) -> None:
    bundles.ensure_active()
    measured(session).submit()
    assert steps.assess(session.screening.pk) == 1
    steps.update_course(session.screening.course_id)
    shadow = bundles.register(folder)
    bundle_rows.set_shadow(by=None, bundle=shadow)
    assert measuring.due() == [("worker.assess_shadows", str(session.screening.pk))]
    told = Event.objects.count()
    held = retries.lease_shadow(bundle_id=shadow.pk, seconds=60)
    assert held is not None
    assert steps.assess(session.screening.pk) == 0, "one task at a time, of all workers"
    assert encoders() == ["", ""]
    retries.end_lease(bundle_id=shadow.pk, held=held)
    assert steps.assess(session.screening.pk) == 1
    assert encoders() == ["", "", shadow.encoder, shadow.encoder]
    assert Event.objects.count() == told
    own, beside = Assessment.objects.order_by("is_shadow")
    assert own.result["intensity_source"]["name"] == "geometric"
    assert beside.result["intensity_source"]["name"] == "clip"
    assert own.measurements_digest != beside.measurements_digest
    assert measuring.due() == []
    assert steps.assess(session.screening.pk) == 0, "the pinned bundle's set is the same as before"

    lost = ModelBundle.objects.create(
        name="lost", version="1", digest="0" * 64, path="nowhere", encoder="e", status="shadow"
    )
    assert steps.assess(session.screening.pk) == 0
    lost.refresh_from_db()
    assert (lost.failures, len(encoders())) == (1, 4)


def test_a_bundle_that_is_activated_after_measuring_measures_again_before_it_assesses(
    session: Session, pool: MeasuringPool, folder: Path
) -> None:
    active = activated_after_measuring(session, folder)
    Screening.objects.update(assess_attempts=retries.DELAYED_AT)
    assert steps.assess(session.screening.pk) == 1
    assert encoders() == ["", "", active.encoder, active.encoder]
    assert Assessment.objects.get().result["intensity_source"]["name"] == "clip"
    assert Screening.objects.get().assess_attempts == 0, "it got on: no failure is counted"


@pytest.mark.nightly
def test_a_clip_that_was_measured_while_a_task_waited_is_not_measured_again(
    session: Session, pool: MeasuringPool, folder: Path
) -> None:
    active = activated_after_measuring(session, folder)
    given = measuring.claim_assessment(screening_id=session.screening.pk)
    assert given is not None
    (target,) = given.targets
    task = Thread(target=_in_a_task, args=(given, target))
    with pool.lend(Urgency.ASSESS) as process:
        task.start()
        wait_for(lambda: pool._line)
        for clip in target.lack:
            with process.desk() as desk:
                path = local_clip(clip.storage_key, clip.sha256, desk.inbox)
                found = steps._ask_to_measure(process, path, clip, clip.reader)
            # So that a second measurement would be a row of its own.
            found["measurer"]["digest"] = "another worker's"
            assert measuring.store_beside(clip=clip, measurement=found)
    task.join()
    assert encoders() == ["", "", active.encoder, active.encoder]
    assert Assessment.objects.count() == 1


def _in_a_task(given: measuring.AssessmentInput, target: measuring.Target) -> None:
    try:
        steps._assess(given, target, monotonic() + 60)
    finally:
        connections.close_all()


def test_a_task_whose_time_is_over_leaves_the_other_clips_to_the_next(
    session: Session, pool: MeasuringPool, folder: Path
) -> None:
    bundles.ensure_active()
    measured(session)
    activated(folder)
    session.submit()
    given = measuring.claim_assessment(screening_id=session.screening.pk)
    assert given is not None
    assert not steps._assess(given, given.targets[0], deadline=monotonic())
    assert encoders() == ["", ""]
    assert steps.assess(session.screening.pk) == 1


def test_a_lost_source_is_an_error_until_it_is_back_and_never_another_source(
    session: Session, pool: MeasuringPool, tmp_path: Path
) -> None:
    # No process has this one in memory: what it has, it may go on using.
    folder = write_clip_bundle(tmp_path / "two", seed=2)
    loaded = load(folder)
    encoder = encoder_of(loaded)
    assert encoder is not None
    row = ModelBundle.objects.create(
        name=loaded.name, version="1", digest=loaded.digest, path=str(folder),
        encoder=encoder.digest, status=ModelBundle.Status.ACTIVE,
    )  # fmt: skip
    tensors = folder / "intensity" / "source.safetensors"
    kept = tensors.read_bytes()
    tensors.write_bytes(kept[:-1] + b"\0")
    measured(session).submit()
    assert session.clip("smile").attempts == 1, "the clip is not to blame"
    with pytest.raises(health.NotReady, match="tiny-clip-2"):
        health._bundle()
    with pytest.raises(MeasuringFault, match=r"intensity/source\.safetensors was changed") as fault:
        steps.assess(session.screening.pk)
    assert fault.value.kind == "bundle"
    assert Assessment.objects.count() == 0
    assert Screening.objects.get().state == Screening.State.SUBMITTED

    tensors.write_bytes(kept)
    Screening.objects.update(assess_after=timezone.now())
    assert measuring.due() == [("worker.assess_screening", str(session.screening.pk))]
    assert steps.assess(session.screening.pk) == 1
    assert encoders() == ["", "", row.encoder, row.encoder]
    health._bundle()


@pytest.mark.parametrize(
    ("file", "harm"), [("source.json", "missing"), ("source.safetensors", "was changed")]
)
def test_registering_refuses_a_damaged_source_and_names_the_file(
    pool: MeasuringPool, folder: Path, file: str, harm: str
) -> None:
    path = folder / "intensity" / file
    if harm == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(MeasuringFault, match=f"{file}.* {harm}"):
        bundles.register(folder)


def test_registering_refuses_a_source_that_the_model_was_not_trained_on(
    pool: MeasuringPool, tmp_path: Path
) -> None:
    other = write_clip_bundle(tmp_path / "other", 3, intensity_source_digest="5" * 64)
    with pytest.raises(MeasuringFault, match="is not the clip source that tiny-clip-3"):
        bundles.register(other)


@pytest.mark.nightly
def test_screen_serves_such_a_bundle(folder: Path, drawn: Path, tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    shutil.copy(drawn / "smile.mp4", clips)
    found = screen(clips, MIMIA_BUNDLE=str(folder))
    assert found["intensity_source"]["name"] == "clip"
    (smile,) = found["clips"]
    assert smile["curve"]["source"] == found["intensity_source"]
    assert "curves from        the clip intensity source" in report.as_text(found)
