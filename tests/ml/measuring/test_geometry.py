"""The seven signals are exactly the public tables' ones, for a picture of any shape."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.measuring import geometry

RNG = np.random.default_rng(7)
MESH = RNG.uniform(0.2, 0.8, (3, 478, 2))
# A level head: the line of the eyes' outer corners decides which way is up.
MESH[:, 33] = (0.3, 0.4)
MESH[:, 263] = (0.7, 0.4)


def by_the_book(points: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    """Sum of distances / number of pairs / iris distance, as the table's description reads."""
    total = sum(math.dist(points[a], points[b]) for a, b in pairs)
    return total / len(pairs) / math.dist(points[468], points[473])


def test_the_signals_are_the_published_ones() -> None:
    # Written out again from the method page, so that a slip in the module's table is seen.
    book = {
        "eye-open-right": "246-7, 161-163, 160-144, 159-145, 158-153, 157-154, 173-155",
        "eye-open-left": "398-382, 384-381, 385-380, 386-374, 387-373, 388-390, 466-249",
        "eye-raise-right": "246-156, 161-70, 160-63, 159-105, 158-66, 157-107, 173-9",
        "eye-raise-left": "398-9, 384-336, 385-296, 386-334, 387-293, 388-300, 466-383",
        "mouth-open": "191-95, 80-88, 81-178, 82-87, 13-14, 312-317, 311-402, 310-318, 415-324",
        "mouth-width": "78-308",
        "jaw-open": "191-169, 80-170, 81-145, 82-171, 13-175, 312-396, 311-389, 310-395, 415-394",
    }
    assert tuple(book) == geometry.SIGNALS
    values = geometry.signals(geometry.square(MESH, 4 / 3))
    for column, text in enumerate(book.values()):
        pairs = [(int(a), int(b)) for a, b in (pair.split("-") for pair in text.split(", "))]
        for frame in range(len(MESH)):
            assert values[frame, column] == pytest.approx(by_the_book(MESH[frame], pairs))


@given(
    width=st.integers(120, 4000),
    height=st.integers(120, 4000),
    scale=st.floats(0.1, 1.0),
    shift=st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)),
)
@settings(max_examples=40, deadline=None)
def test_the_shape_of_the_picture_does_not_change_a_face(
    width: int, height: int, scale: float, shift: tuple[float, float]
) -> None:
    """The same face in pixels, anywhere and of any size, in a picture of any shape."""
    in_pixels = MESH * (640, 480)
    elsewhere = (in_pixels * scale + np.array(shift) * (width, height)) / (width, height)
    np.testing.assert_allclose(
        geometry.signals(geometry.square(elsewhere, width / height)),
        geometry.signals(geometry.square(MESH, 4 / 3)),
        rtol=1e-9,
    )


def test_frames_without_a_face_stay_empty_and_do_not_count() -> None:
    mesh = MESH.copy()
    mesh[1] = np.nan
    values = geometry.signals(geometry.square(mesh, 4 / 3))
    assert np.isnan(values[1]).all()
    assert np.isfinite(values[[0, 2]]).all()
    both = values[[0, 2]]
    for column, (mean, variance) in enumerate(geometry.stats(values).values()):
        assert mean == pytest.approx(both[:, column].mean())
        assert variance == pytest.approx(((both[0, column] - both[1, column]) / 2) ** 2)  # ddof 0


def test_no_frames_and_no_faces_are_not_a_number() -> None:
    assert geometry.signals(np.empty((0, 478, 2))).shape == (0, 7)
    blank = geometry.signals(np.full((4, 478, 2), np.nan))
    assert all(math.isnan(mean) and math.isnan(var) for mean, var in geometry.stats(blank).values())


def test_eyes_that_coincide_give_no_signal() -> None:
    mesh = MESH.copy()
    mesh[0, 473] = mesh[0, 468]
    assert np.isnan(geometry.signals(geometry.square(mesh, 4 / 3))[0]).all()


def test_the_corners_of_the_mouth_are_told_apart() -> None:
    mesh = MESH[:1].copy()
    before = geometry.corners(geometry.square(mesh, 4 / 3))[0]
    mesh[0, 61] = (mesh[0, 61] + mesh[0, 33]) / 2  # the right corner goes up to its eye
    after = geometry.corners(geometry.square(mesh, 4 / 3))[0]
    assert after[0] == pytest.approx(before[0] / 2)
    assert after[1] == before[1]


@pytest.mark.parametrize("degrees", [-170, -90, -25, 10, 45, 90, 180])
def test_a_tilted_head_has_the_signals_of_a_level_one(degrees: float) -> None:
    """Turned as a whole, in a picture of any shape: nothing about the face has changed."""
    level = geometry.square(MESH, 4 / 3)
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    tilted = (level - level.mean((0, 1))) @ turn + 0.5
    assert np.degrees(geometry.roll(tilted)) == pytest.approx([degrees] * 3, abs=1e-6) or (
        abs(degrees) == 180
    )
    np.testing.assert_allclose(geometry.signals(tilted), geometry.signals(level), rtol=1e-9)
    np.testing.assert_allclose(geometry.corners(tilted), geometry.corners(level), rtol=1e-9)


def test_a_picture_may_change_its_shape_in_mid_film() -> None:
    points = np.ones((3, 478, 3))
    found = geometry.square(points, np.array([1.0, 2.0, 0.5]))
    assert np.array_equal(found[:, 0], [[1, 1, 1], [2, 1, 2], [0.5, 1, 0.5]])
    assert np.array_equal(geometry.square(points, 2.0)[:, 0], [[2, 1, 2]] * 3)
