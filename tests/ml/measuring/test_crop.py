"""An aligned crop by hand: where a point of the picture lands, for a face of known points."""

import cv2
import numpy as np
import pytest

from ml.measuring.face import CROP_SIZE, LANDMARKS, Faces, aligned_crop, width

HEIGHT, WIDTH = 400, 600


def face_at(
    eyes: tuple[float, float], *, apart: float, down: float, degrees: float = 0.0
) -> np.ndarray:
    """Landmarks whose eyes' middle is at ``eyes``, pixels; the mouth's middle is ``down`` below, as
    the face is held; each eye and the mouth 20 pixels wide."""
    turn = np.radians(degrees)
    across, below = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    points = np.zeros((LANDMARKS, 3), np.float32)

    def put(places: tuple[int, int], middle: np.ndarray) -> None:
        for place, side in zip(places, (-10, 10), strict=True):
            points[place, :2] = (middle + side * across) / (WIDTH, HEIGHT)

    middle = np.array(eyes)
    put((33, 133), middle - apart / 2 * across)
    put((362, 263), middle + apart / 2 * across)
    put((61, 291), middle + down * below)
    return points


def dot(at: np.ndarray | tuple[float, float]) -> np.ndarray:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.circle(picture, (round(at[0]), round(at[1])), 4, (255, 255, 255), -1)
    return picture


def seen_at(crop: np.ndarray) -> np.ndarray:
    """The middle of what is bright, (x, y) as shares of the crop's side."""
    y, x = np.nonzero(crop[..., 0] > 100)
    assert len(x), "the dot is outside the crop"
    return np.array([x.mean(), y.mean()]) / CROP_SIZE


@pytest.mark.parametrize("degrees", [0.0, 30.0, -50.0])
@pytest.mark.parametrize("size", [1.0, 0.5])
def test_eyes_and_mouth_always_land_in_the_same_place(degrees: float, size: float) -> None:
    eyes, apart, down = (320.0, 180.0), 90.0 * size, 100.0 * size
    face = face_at(eyes, apart=apart, down=down, degrees=degrees)
    turn = np.radians(degrees)
    mouth = (eyes[0] - down * np.sin(turn), eyes[1] + down * np.cos(turn))
    for at, lands in ((eyes, (0.5, 0.36)), (mouth, (0.5, 0.74))):
        crop = aligned_crop(dot(at), face)
        assert crop.shape == (CROP_SIZE, CROP_SIZE, 3)
        assert crop.dtype == np.uint8
        assert seen_at(crop) == pytest.approx(lands, abs=0.01)
    # The person's left eye, on the picture's right, stays there: nothing is mirrored or bent.
    left = (eyes[0] + apart / 2 * np.cos(turn), eyes[1] + apart / 2 * np.sin(turn))
    beside = 0.5 + 0.38 * (apart / 2) / down
    assert seen_at(aligned_crop(dot(left), face)) == pytest.approx((beside, 0.36), abs=0.01)


def test_a_face_seen_from_below_is_not_blown_up_without_end() -> None:
    """Its mouth is nearly as high as its eyes: then their distance says how large the face is."""
    eyes, apart = (300.0, 200.0), 80.0
    for down in (1.0, -30.0, 39.0):
        face = face_at(eyes, apart=apart, down=down)
        below = (eyes[0], eyes[1] + 0.5 * apart)
        assert seen_at(aligned_crop(dot(below), face)) == pytest.approx((0.5, 0.74), abs=0.01)
    face = face_at(eyes, apart=apart, down=60.0)
    assert seen_at(aligned_crop(dot((300, 260)), face)) == pytest.approx((0.5, 0.74), abs=0.01)


def test_a_face_of_one_point_is_no_fault() -> None:
    points = np.full((LANDMARKS, 3), 0.5, np.float32)
    assert aligned_crop(dot((300, 200)), points).shape == (CROP_SIZE, CROP_SIZE, 3)


def test_a_faces_width_is_a_share_of_the_pictures() -> None:
    points = np.zeros((LANDMARKS, 3), np.float32)
    points[7] = (0.25, 0.9, 5.0)
    points[9] = (-0.05, 0.1, 0.0)
    assert width(points) == pytest.approx(0.3)


def test_the_first_face_counts_and_none_is_none() -> None:
    one, two = np.zeros((LANDMARKS, 3), np.float32), np.ones((LANDMARKS, 3), np.float32)
    found = Faces((one, two))
    assert found.landmarks is one
    assert found.count == 2
    assert (Faces().landmarks, Faces().count) == (None, 0)
