"""Drawn faces for the journeys: clips to upload, and a film for a browser's fake camera."""

from pathlib import Path

import pytest

#: Seconds of each uploaded clip: long enough to be caught in mid-measuring.
SECONDS = 6.0


def draw(path: Path, expression: str, *, seconds: float = SECONDS, seed: int = 3) -> Path:
    """Draws one performance at 640×480 and 30 frames a second into ``path``."""
    from ml.phantom import perform, write_clip

    write_clip(path, perform(expression, seconds=seconds, seed=seed))
    return path


@pytest.fixture(scope="session")
def drawn_clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """``{"rest": …, "smile": …}``: one person's clips, the same in every run."""
    folder = tmp_path_factory.mktemp("clips")
    return {name: draw(folder / f"{name}.mp4", name) for name in ("rest", "smile")}


@pytest.fixture(scope="session")
def camera_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that a fake camera loops: the face smiles again and again.

    A page cannot tell the camera when to perform, so the film is never still for long.
    """
    folder = tmp_path_factory.mktemp("camera")
    return draw(folder / "camera.mjpeg", "smile", seconds=6.0, seed=5)
