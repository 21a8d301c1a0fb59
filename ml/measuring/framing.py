"""Whether the face is whole in the picture, as far as it is measured.

The mesh completes a face that the picture's edge cuts off, and puts what it makes up beyond the
edge. With a tenth of a face's height missing below, the jaw read 4 to 8 % shorter; with the mouth
half out, a mouth that is shut read as wide open. Hair, ears and the upper forehead are in no
signal, and may be outside.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from ml.measuring import geometry

FloatArray = npt.NDArray[np.floating[Any]]

_CHIN = 152
#: What the signals are measured between, and the chin.
MEASURED = tuple(
    sorted(
        {
            landmark
            for group in (geometry.PAIRS, geometry.CORNER_PAIRS)
            for pairs in group.values()
            for pair in pairs
            for landmark in pair
        }
        | {_CHIN}
    )
)
#: Of the face's height: so far beyond the edge is the mesh's own wavering.
MOST_BEYOND = 0.02


def cut_off(points: FloatArray, aspects: FloatArray, height: FloatArray) -> npt.NDArray[np.bool_]:
    """(T,) whether part of what is measured lies outside the picture.

    ``points`` (T, 478, 2) in square coordinates of the picture as it was filmed, ``aspects`` (T,)
    its shape, ``height`` (T,) of the face in the same unit.
    """
    measured = points[:, list(MEASURED)]
    edge = np.stack([aspects, np.ones_like(aspects)], axis=1)[:, None]
    beyond = np.maximum(-measured, measured - edge).max(axis=(1, 2))
    return np.asarray(beyond > MOST_BEYOND * height, np.bool_)
