"""The face is found, counted, told apart from a second one, and cropped level."""

import cv2
import numpy as np
import pytest

from ml.measuring import face
from tests.ml.conftest import Picture

RIGHT_EYE, LEFT_EYE, CHIN = 468, 473, 152


def test_a_face_has_its_landmarks_where_it_is(portrait: Picture) -> None:
    found = face.tracker().find(portrait)
    assert found.count == 1
    assert found.landmarks is not None
    assert found.landmarks.shape == (face.LANDMARKS, 3)
    assert found.landmarks.dtype == np.float32
    right, left, chin = (found.landmarks[i, :2] for i in (RIGHT_EYE, LEFT_EYE, CHIN))
    assert 0.2 < right[0] < left[0] < 0.7  # the person's right is on the picture's left
    assert chin[1] > max(right[1], left[1])


def test_reading_the_bytes_gives_what_reading_the_fields_gives(portrait: Picture) -> None:
    result = face.tracker()._mesh.process(portrait)
    message = result.multi_face_landmarks[0]
    fields = np.array([(p.x, p.y, p.z) for p in message.landmark], np.float32)
    np.testing.assert_array_equal(face._coordinates(message), fields)


def test_no_face_is_no_landmarks() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)
    found = face.tracker().find(noise)
    assert (found.landmarks, found.count) == (None, 0)


def test_of_two_faces_the_larger_is_measured(close_up: Picture) -> None:
    pair = np.full((480, 880, 3), 128, np.uint8)
    pair[40:440, 480:] = cv2.resize(close_up, (400, 400))
    pair[:, :480] = close_up
    found = face.tracker().find(np.ascontiguousarray(pair))
    assert found.count == 2
    assert found.landmarks is not None
    assert found.landmarks[:, 0].max() < 480 / 880
    assert 0.75 < face.width(found.found[1]) / face.width(found.found[0]) < 0.92


@pytest.mark.parametrize("degrees", [0.0, 20.0])
def test_a_crop_shows_the_eyes_level_and_in_the_same_place(
    portrait: Picture, degrees: float
) -> None:
    height, width = portrait.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turned = cv2.warpAffine(portrait, turn, (width, height), borderValue=(128, 128, 128))
    landmarks = face.tracker().find(turned).landmarks
    assert landmarks is not None
    crop = face.aligned_crop(turned, landmarks)
    assert crop.shape == (face.CROP_SIZE, face.CROP_SIZE, 3)
    assert crop.dtype == np.uint8
    inside = face.tracker().find(np.ascontiguousarray(crop)).landmarks
    assert inside is not None
    right, left = inside[RIGHT_EYE, :2], inside[LEFT_EYE, :2]
    assert abs(right[1] - left[1]) < 0.03
    assert (right + left) / 2 == pytest.approx([0.5, face.CROP_EYES_Y], abs=0.04)
