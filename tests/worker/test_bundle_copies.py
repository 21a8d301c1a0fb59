"""A registered bundle is the installation's own: its folder may go, its copy may not."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command

from ml.scoring.bundle import default_bundle_path
from screening.errors import Conflict
from screening.models import BundleFile, ModelBundle
from screening.services import backups, bundle_files, listing, store_check, survey
from screening.services import bundles as rows
from tests.servers import ObjectStore
from tests.stores import use_s3
from tests.worker.people import Session
from webapp import health
from worker import bundles, steps
from worker.errors import MeasuringFault
from worker.pool import MeasuringPool

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
NAMES = {"bundle.json", "card.md", "norms.json", "weights.safetensors"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Somebody's training folder, with the bundle that also ships in it."""
    return Path(shutil.copytree(default_bundle_path(), tmp_path / "trained"))


@pytest.fixture
def active(folder: Path, pool: MeasuringPool) -> ModelBundle:
    return rows.activate(by=None, bundle=bundles.register(folder))


@pytest.fixture
def bucket(object_store: ObjectStore, settings: Any) -> None:
    """The store as an S3 bucket: no worker has it on its disk."""
    use_s3(object_store, settings)


def stored(bundle: ModelBundle, name: str = "weights.safetensors") -> Path:
    return Path(default_storage.path(f"bundles/{bundle.digest}/{name}"))


def spoil(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(b"\0" + path.read_bytes()[1:])


def test_nothing_done_to_the_folder_takes_the_model_away(
    active: ModelBundle, folder: Path, session: Session
) -> None:
    assert {one.name for one in active.files.all()} == NAMES
    for one in active.files.all():
        data = default_storage.open(one.storage_key).read()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (one.size, one.sha256)
    shutil.rmtree(folder)
    health._bundle()
    assert bundles.ensure_active() == active
    for expression in ("rest", "smile"):
        assert steps.measure(session.send(expression).pk)
    session.submit()
    assert steps.assess(session.screening.pk) == 1


def test_the_one_that_ships_is_not_copied(pool: MeasuringPool) -> None:
    bundle = bundles.ensure_active()
    assert bundle.path.startswith("ml/bundles/")
    assert not BundleFile.objects.exists()
    assert steps.folder_of(bundle) == default_bundle_path().resolve()
    health._bundle()


@pytest.mark.parametrize("place", ["ml/bundles/x", "elsewhere"])
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda p: spoil(p / "norms.json"), "norms.json was changed"),
        (lambda p: (p / "norms.json").unlink(), "norms.json is missing"),
        (lambda p: (p / "bundle.json").write_text("{"), "bundle.json was changed"),
        (shutil.rmtree, "their folder is not there"),
    ],
)
def test_readyz_knows_what_was_never_copied(
    place: str, harm: Any, said: str, tmp_path: Path, settings: Any
) -> None:
    """One that ships, or was registered where it lay, before bundles were copied."""
    settings.ROOT = tmp_path
    folder = Path(shutil.copytree(default_bundle_path(), tmp_path / place))
    digest = json.loads((folder / "bundle.json").read_text())["digest"]
    path = place if place.startswith("ml") else str(folder)
    ModelBundle.objects.create(name="b", version="1", digest=digest, path=path, status="active")
    health._bundle()
    harm(folder)
    with pytest.raises(health.NotReady, match=said):
        health._bundle()


def test_the_image_of_the_site_has_no_models_and_cannot_know(settings: Any, tmp_path: Path) -> None:
    settings.ROOT = tmp_path
    path = "ml/bundles/fusion-0.3.0"
    ModelBundle.objects.create(name="b", version="1", digest="d", path=path, status="active")
    health._bundle()


@pytest.mark.parametrize(
    ("harm", "said"),
    [(spoil, "weights.safetensors was changed"), (Path.unlink, "weights.safetensors is missing")],
)
def test_readyz_says_when_the_copy_is_gone_and_registering_mends_it(
    active: ModelBundle, folder: Path, harm: Any, said: str
) -> None:
    health._bundle()
    harm(stored(active))
    with pytest.raises(health.NotReady, match=said):
        health._bundle()
    assert not store_check.check(hashes=True).well
    call_command("register_bundle", str(folder))
    health._bundle()
    assert store_check.check(hashes=True).well
    assert ModelBundle.objects.count() == 1


def test_a_folder_that_changes_while_it_is_copied_is_no_bundle(
    folder: Path, pool: MeasuringPool
) -> None:
    digest = bundles._describe(str(folder))["digest"]
    spoil(folder / "weights.safetensors")
    with pytest.raises(Conflict, match=r"weights.safetensors changed while it was copied"):
        bundle_files.keep(folder=folder, digest=digest)


def test_an_update_adopts_what_was_registered_where_it_lay(
    folder: Path, pool: MeasuringPool, tmp_path: Path
) -> None:
    found = bundles._describe(str(folder))
    old = rows.activate(by=None, bundle=rows.register(**found))
    assert (old.path, old.files.count()) == (str(folder), 0)
    lost = ModelBundle.objects.create(name="x", version="1", digest="1", path="/models/away")
    other = ModelBundle.objects.create(name="x", version="2", digest="2", path=str(folder))
    assert bundles.ensure_active() == old
    old.refresh_from_db()
    assert (old.path, {one.name for one in old.files.all()}) == (f"bundles/{old.digest}", NAMES)
    assert not lost.files.exists()
    assert not other.files.exists(), "another bundle lies there"
    shutil.rmtree(folder)
    assert bundles.ensure_active() == old
    health._bundle()


def test_the_cleaner_knows_the_files_and_a_backup_has_them(
    active: ModelBundle, tmp_path: Path
) -> None:
    default_storage.save("bundles/half/weights.safetensors", stored(active).open("rb"))
    survey.compare(list(listing.everything()), age=survey.timedelta(0))
    waiting = [one.key for one in survey.in_quarantine()]
    assert waiting == ["bundles/half/weights.safetensors"], "a copy that was stopped"
    made = backups.make(tmp_path / "backup")
    assert made.whole
    for one in active.files.all():
        copy = tmp_path / "backup" / "objects" / one.storage_key
        assert hashlib.sha256(copy.read_bytes()).hexdigest() == one.sha256


@pytest.mark.distributed
def test_each_machine_fetches_the_files_once_from_a_store_elsewhere(
    bucket: None, folder: Path, pool: MeasuringPool, settings: Any, tmp_path: Path
) -> None:
    settings.VAR = tmp_path / "machine"
    active = rows.activate(by=None, bundle=bundles.register(folder))
    shutil.rmtree(folder)
    found = steps.folder_of(active)
    assert found == (tmp_path / "machine" / "bundles" / active.digest).resolve()
    assert {p.name for p in found.iterdir()} == NAMES
    written = (found / "weights.safetensors").stat().st_mtime_ns
    assert bundles.ensure_active() == active
    assert (found / "weights.safetensors").stat().st_mtime_ns == written
    health._bundle()
    assert store_check.check(hashes=True).well

    settings.VAR = tmp_path / "another"
    weights = active.files.get(name="weights.safetensors")
    data = default_storage.open(weights.storage_key).read()
    default_storage.delete(weights.storage_key)
    with pytest.raises(health.NotReady, match=r"weights\.safetensors is missing"):
        health._bundle()
    with pytest.raises(MeasuringFault, match="the store does not have"):
        steps.folder_of(active)
    default_storage.bucket.Object(weights.storage_key).put(Body=b"\0" + data[1:])  # type: ignore[attr-defined]
    with pytest.raises(MeasuringFault, match="another file"):
        steps.folder_of(active)
    assert not (tmp_path / "another" / "bundles" / active.digest).exists()
    default_storage.bucket.Object(weights.storage_key).put(Body=data)  # type: ignore[attr-defined]
    assert steps.folder_of(active).is_dir()
