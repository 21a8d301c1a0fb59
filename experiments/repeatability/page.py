"""``docs/results-repeatability.md`` worded from computed figures."""

import os
import platform

import numpy as np

from experiments.machine import today
from experiments.repeatability.attempts import TRIED
from experiments.repeatability.figures import Figures
from ml.features import TOKEN_PARTS
from ml.markdown import render
from ml.scoring.person import GRADE, INDEX, Components, Reading, Scale, person_score

SESSIONS = (1, 2, 3, 5)


def page(found: Figures, seconds: float) -> str:
    parts = zip(TOKEN_PARTS, found.weights, strict=True)
    return render(
        __file__,
        "page.md.j2",
        found=found,
        date=today(),
        machine=platform.machine(),
        cores=os.cpu_count(),
        python=platform.python_version(),
        seconds=seconds,
        sessions=SESSIONS,
        means={
            "hypomimia index, points": _means(found, "hypomimia index, normal scores", INDEX),
            "expected grade": _means(found, "expected grade", GRADE),
        },
        last_tried=TRIED[-1],
        weights=[(part, weight) for part, weight in parts if abs(weight) >= 0.005],
    )


def _means(found: Figures, name: str, scale: Scale) -> list[tuple[float, float]]:
    """Reliability, and half the width of the band, for each number of :data:`SESSIONS`."""
    one = found.rows[name][0]
    return [(one.reliability(sessions), _half(one, scale, sessions)) for sessions in SESSIONS]


def _half(one: Components, scale: Scale, sessions: int) -> float:
    middle = Reading(float(scale.back(np.array(one.mean))))
    return person_score([middle] * sessions, one, scale, ahead=0).half_width
