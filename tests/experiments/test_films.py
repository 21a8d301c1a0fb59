"""The films of the invariance table are filmed as they say."""

import numpy as np
import pytest

from experiments.invariance.films import NOISE, Scene

GREY = np.full((960, 1280, 3), 128, np.uint8)


def test_a_sensor_is_noisy_in_all_its_colours() -> None:
    (picture,) = Scene([GREY], 20.0).filmed().pictures
    spread = picture.reshape(-1, 3).astype(float).std(axis=0)
    assert spread == pytest.approx([NOISE] * 3, rel=0.05)
    assert abs(np.corrcoef(picture.reshape(-1, 3).T)[0, 1]) < 0.05
    (again,) = Scene([GREY], 20.0).filmed(again=1).pictures
    assert (picture != again).any()
