"""What one pass notes of light and sharpness, by hand: on pictures known pixel by pixel."""

import cv2
import numpy as np
import pytest

from ml.measuring.face import Faces
from ml.measuring.quality import Watcher, _light

SIDE = 64


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Landmarks (2, 3) of a face that fills this part of the picture, as shares of it."""
    return np.array([[x0, y0, 0.0], [x1, y1, 0.0]], np.float32)


def grey(values: np.ndarray) -> np.ndarray:
    return np.repeat(values.astype(np.uint8)[..., None], 3, axis=2)


@pytest.fixture
def halves() -> np.ndarray:
    """The left half black, the right half white."""
    picture = np.zeros((SIDE, 2 * SIDE))
    picture[:, SIDE:] = 255
    return grey(picture)


@pytest.mark.parametrize(
    ("face", "mean", "spread"),
    [
        (box(0, 0, 1, 1), 0.5, 0.5),
        (box(0, 0, 0.5, 1), 0.0, 0.0),
        (box(0.5, 0, 1, 1), 1.0, 0.0),
        (box(0.25, 0.25, 0.75, 0.75), 0.5, 0.5),
        # Beyond the picture's edges there is nothing to see.
        (box(-0.5, -0.5, 1.5, 1.5), 0.5, 0.5),
        (box(0.5, 0.5, 1.5, 1.5), 1.0, 0.0),
    ],
)
def test_light_is_that_of_the_face(
    halves: np.ndarray, face: np.ndarray, mean: float, spread: float
) -> None:
    found = _light(halves, face)
    assert found[:2] == pytest.approx((mean, spread), abs=0.01)
    assert (found[2] == 0.0) == (spread == 0.0)


@pytest.mark.parametrize("corner", [box(2, 2, 3, 3), box(-3, -3, -2, -2), box(1, 1, 1, 1)])
def test_a_face_outside_the_picture_is_no_fault(halves: np.ndarray, corner: np.ndarray) -> None:
    assert np.isfinite(_light(halves, corner)).all()


def test_rows_and_columns_are_not_exchanged() -> None:
    picture = np.zeros((SIDE, 2 * SIDE))
    picture[: SIDE // 2] = 255
    assert _light(grey(picture), box(0, 0, 1, 0.5))[0] == pytest.approx(1.0)
    assert _light(grey(picture), box(0, 0.5, 1, 1))[0] == pytest.approx(0.0)


def test_sharpness_is_by_its_formula_and_the_same_for_any_contrast() -> None:
    """1000 × variance of the Laplacian / variance of grey, at 64 × 64, lightly smoothed."""
    rng = np.random.default_rng(0)
    pattern = cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)), (0, 0), 2)
    pattern /= np.abs(pattern).max()
    strong, weak = (np.round(128 + size * pattern) for size in (120, 60))
    whole = box(0, 0, 1, 1)
    smooth = cv2.GaussianBlur(strong.astype(np.float32), (0, 0), 1)
    expected = 1000 * cv2.Laplacian(smooth, cv2.CV_32F).var() / strong.std() ** 2
    found = _light(grey(strong), whole)
    assert found[2] == pytest.approx(float(expected), rel=1e-3)
    assert found[1] == pytest.approx(strong.std() / 255, rel=1e-3)
    assert _light(grey(weak), whole)[2] == pytest.approx(found[2], rel=0.05)
    larger = cv2.resize(strong, (4 * SIDE, 4 * SIDE), interpolation=cv2.INTER_NEAREST)
    assert _light(grey(larger), whole)[2] == pytest.approx(found[2], rel=1e-3)
    blurred = cv2.GaussianBlur(strong, (0, 0), 4)
    assert _light(grey(blurred), whole)[2] < found[2] / 3
    # Of hardly any contrast the noise is not blown up.
    flat = np.full((SIDE, SIDE), 128.0)
    flat[::2, ::2] += 1
    assert flat.std() < 0.5
    edges = cv2.Laplacian(cv2.GaussianBlur(flat.astype(np.float32), (0, 0), 1), cv2.CV_32F).var()
    assert _light(grey(flat), whole)[2] == pytest.approx(1000 * float(edges), rel=1e-2)


def test_not_every_picture_is_looked_at_and_each_is_counted() -> None:
    watcher, picture = Watcher(), np.full((16, 16, 3), 100, np.uint8)
    face = box(0, 0, 1, 1)
    for t in (0.0, 0.05, 0.099, 0.1, 0.15, 0.25):
        watcher.see(t, picture, Faces((face, face)))
    assert watcher.seen == 6
    assert [number for number, _ in watcher.face] == [0, 3, 5]
    assert [len(faces) for _, faces in watcher.face] == [2, 2, 2]
    assert len(watcher.frame) == 3


def test_a_pictures_light_is_its_green_on_a_grid_and_white_begins_at_250() -> None:
    picture = np.zeros((16, 32, 3), np.uint8)
    picture[..., 0] = picture[..., 2] = 255
    picture[1:8, 1:8, 1] = 255  # between the points of the grid
    picture[::8, ::8, 1] = [[250, 249, 0, 0], [255, 51, 0, 0]]
    watcher = Watcher()
    watcher.see(0.0, picture, Faces())
    ((mean, clipped),) = watcher.frame
    assert mean == pytest.approx((250 + 249 + 255 + 51) / 8 / 255)
    assert clipped == pytest.approx(2 / 8)
    assert watcher.face == [(0, [])]


def test_the_patients_light_is_that_of_whose_face_it_is() -> None:
    first, second, third = (0.1, 0.2, 3.0), (0.4, 0.5, 6.0), (0.7, 0.8, 9.0)
    watcher = Watcher(face=[(0, [first, second]), (3, [third]), (5, [])])
    assert watcher.patient([1, 0, 0, 0, 0, None]).tolist() == [list(second), list(third)]
    assert watcher.patient([None] * 6).shape == (0, 3)
