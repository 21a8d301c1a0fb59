"""``manage.py register_bundle``: what cannot be served is refused in one line, exit code 2."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

from ml.scoring.bundle import default_bundle_path
from screening.models import ModelBundle
from worker import bundles as registry
from worker.errors import MeasuringFault
from worker.pool import MeasuringPool

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def change_norms(folder: Path) -> None:
    (folder / "norms.json").write_text("{}")


def change_name(folder: Path) -> None:
    described = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps({**described, "name": "better"}))


def lose_weights(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()


FAULTS: list[tuple[Callable[[Path], object], str]] = [
    (change_norms, "norms.json was changed"),
    (change_name, "bundle.json was changed"),
    (lose_weights, "weights.safetensors is missing"),
    (lambda folder: (folder / "bundle.json").unlink(), "is no bundle"),
    (lambda folder: (folder / "bundle.json").write_text("{"), "bundle.json is no JSON"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_bundle_path(), tmp_path / "bundle"))


@pytest.mark.parametrize(("damage", "words"), FAULTS)
def test_a_damaged_bundle_is_refused(
    damage: Callable[[Path], object], words: str, folder: Path, pool: MeasuringPool
) -> None:
    damage(folder)
    with pytest.raises(MeasuringFault, match=words) as refused:
        registry.register(folder)
    assert str(folder) in str(refused.value)
    assert refused.value.kind == "bundle"
    assert not ModelBundle.objects.exists()


def test_the_command_says_it_in_one_line(
    folder: Path, pool: MeasuringPool, capsys: pytest.CaptureFixture[str]
) -> None:
    change_norms(folder)
    with pytest.raises(SystemExit) as ended:
        call_command("register_bundle", str(folder), "--shadow")
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert error.startswith(f"register_bundle: {folder}")
    assert error.count("\n") == 1


def test_a_file_is_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.json").write_text("{}")
    with pytest.raises(SystemExit):
        call_command("register_bundle", str(tmp_path / "train.json"))
    assert "train.json is a file" in capsys.readouterr().err


def test_a_bundle_that_an_update_took_away_is_told_from_one_that_lies_elsewhere(
    db: None, pool: MeasuringPool
) -> None:
    paths = ("ml/bundles/fusion-0.0.1", "var/models/away", "/models/away")
    for number, path in enumerate(paths):
        ModelBundle.objects.create(name="x", version=str(number), digest=str(number), path=path)
    shipped = registry.ensure_active()
    found = ModelBundle.objects.order_by("version").values_list("path", flat=True)
    assert list(found.exclude(pk=shipped.pk)) == ["", *paths[1:]]
    assert shipped.path == "ml/bundles/fusion-0.3.0"
