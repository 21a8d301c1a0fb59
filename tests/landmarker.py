"""The optional model of blendshapes, where the environment of the tests has it."""

import sys
from pathlib import Path

import pytest

#: Where `scripts/setup.sh test` puts it.
MODEL = Path(sys.prefix) / "share" / "mimia" / "face_landmarker.task"

needs_model = pytest.mark.skipif(
    not MODEL.is_file(),
    reason=f"no face landmarker here: bash scripts/face_landmarker.sh {MODEL}",
)
