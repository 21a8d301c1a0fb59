"""What reviewers play is upright and whole, however the phone was held."""

from pathlib import Path

import av
import numpy as np
import pytest

from ml import phantom
from ml.measuring import face
from ml.phantom.render import render
from tests.ml.conftest import Picture, even_times, write_resized, write_video
from worker.playback import write_copy

FPS = 10.0


@pytest.fixture(scope="module")
def film() -> list[Picture]:
    camera = phantom.Capture(width=480, height=360, fps=FPS)
    return list(render(phantom.perform("smile", seed=3, seconds=2.0, capture=camera)))


def pictures(path: Path) -> list[Picture]:
    with av.open(str(path)) as copy:
        return [frame.to_ndarray(format="rgb24") for frame in copy.decode(video=0)]


def test_a_film_that_stands_on_its_head_is_played_upright(
    film: list[Picture], tmp_path: Path
) -> None:
    turned = [np.ascontiguousarray(one[::-1, ::-1]) for one in film]
    source = write_video(tmp_path / "turned.mp4", turned, even_times(2.0, FPS))
    write_copy(source, tmp_path / "copy.mp4")
    shown = pictures(tmp_path / "copy.mp4")[0].astype(float)
    assert np.abs(shown - film[0]).mean() < 0.2 * np.abs(shown - turned[0]).mean()


def test_copying_does_not_load_the_face_mesh(
    film: list[Picture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a gigabyte, and seconds: the copier's processes are made without it."""
    monkeypatch.setattr(face, "_tracker", None)
    source = write_video(tmp_path / "film.mp4", film, even_times(2.0, FPS))
    write_copy(source, tmp_path / "copy.mp4")
    assert face._tracker is None


def test_a_picture_that_changes_its_shape_is_shown_whole(
    film: list[Picture], tmp_path: Path
) -> None:
    narrow = [np.ascontiguousarray(one[:, 90:390]) for one in film[10:]]
    source = write_resized(tmp_path / "resized.webm", [*film[:10], *narrow], FPS)
    write_copy(source, tmp_path / "copy.mp4")
    shown = pictures(tmp_path / "copy.mp4")
    assert {one.shape for one in shown} == {(360, 480, 3)}
    last = shown[-1].astype(float)
    # The narrow picture stands in the middle, with black beside it.
    assert last[:, :80].mean() < 12 < last[:, 100:380].mean()
    assert np.abs(last[:, 90:390] - narrow[-1]).mean() < 10
