"""Feature tables of drawn people, straight from what was programmed: no picture, no FaceMesh.

The seven signals follow in closed form from a drawn face's shapes (``ml/phantom/shapes.py``), so
thousands of graded people cost a minute. What they share with a real table is their *place among
people without PD*: both are turned into normal scores against their own norm, and the grade model
sees nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.features import TOKEN_PARTS
from ml.phantom.channels import INDEX
from ml.phantom.graded_people import GradeConfig, draw_subject
from ml.phantom.identity import Identity
from ml.phantom.performance import Performance, perform
from ml.phantom.warp import JAW_DROP
from vocabulary.expressions import Expression

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Channel = Callable[[str], Floats]

JITTER = 0.004  # of a landmark-to-landmark distance, in eye distances (FaceMesh in static mode)
LIP_RADIUS = 0.75  # the nine lip pairs average three quarters of the middle opening


@dataclass(frozen=True, eq=False)
class DrawnTable:
    """``raw`` (N, K, 14) means and variances, ``grade`` and ``pd`` (N,)."""

    raw: Floats
    grade: Integers
    pd: Integers


def drawn_table(
    config: GradeConfig, expressions: tuple[str, ...], *, subjects: int, seed: int
) -> DrawnTable:
    """Graded drawn people performing each expression once."""
    generator = np.random.default_rng([seed, 0xD4A3])
    raw = np.empty((subjects, len(expressions), len(TOKEN_PARTS)))
    grade, pd = np.empty(subjects, np.int64), np.empty(subjects, np.int64)
    for n in range(subjects):
        person = draw_subject(config, n, seed)
        grade[n], pd[n] = person.grade, int(person.pd)
        for k, expression in enumerate(expressions):
            performance = perform(
                Expression(expression),
                program=person.program(Expression(expression)),
                identity=person.identity,
                seed=int(generator.integers(2**31)),
            )
            signals = drawn_signals(performance)
            signals = signals + JITTER * generator.standard_normal(signals.shape)
            raw[n, k] = np.concatenate([signals.mean(axis=0), signals.var(axis=0)])
    return DrawnTable(raw, grade, pd)


def drawn_signals(performance: Performance) -> Floats:
    """(T, 7) signals in the order of :data:`ml.features.SIGNALS`, in eye distances."""
    frames = performance.channels.astype(np.float64)
    who = performance.identity

    def channel(name: str) -> Floats:
        return frames[:, INDEX[name]]

    eyes = [_eye(channel, who, side) for side in ("right", "left")]
    brows = [_brow(channel, who, side) for side in ("right", "left")]
    jaw, part = channel("jaw").clip(0), channel("part").clip(0)
    sneer = 0.5 * (channel("sneer_right") + channel("sneer_left"))
    gap = 0.16 * part + (0.012 + 0.8 * JAW_DROP) * jaw + 0.02 * sneer
    pull = sum(
        0.165 * channel(f"smile_{s}") - 0.030 * channel(f"frown_{s}")
        + 0.085 * channel(f"stretch_{s}") + 0.060 * channel(f"sneer_{s}")
        for s in ("right", "left")
    )  # fmt: skip
    width = 0.96 * (2 * (0.378 * who.mouth_width - 0.10 * jaw) + pull)
    rise = 0.5 * (0.105 * (channel("smile_right") + channel("smile_left")))
    drop = 0.78 + JAW_DROP * jaw + 0.5 * rise + 0.06 * part
    # Turning the head shortens what lies across it; the eye distance is shortened alike, so only
    # nodding is left in what is measured along the face.
    nod = np.cos(np.deg2rad(channel("pitch")))
    columns = [*eyes, *brows, LIP_RADIUS * gap.clip(0.002), width, drop]
    along = [True, True, True, True, True, False, True]
    return np.stack([c * nod if tall else c for c, tall in zip(columns, along, strict=True)], -1)


def _eye(channel: Channel, who: Identity, side: str) -> Floats:
    wide, squint = channel(f"wide_{side}"), channel(f"squint_{side}").clip(0)
    upper = (0.059 * who.eye_height + 0.065 * wide - 0.036 * squint).clip(0.012)
    lower = (0.044 * who.eye_height + 0.012 * wide - 0.030 * squint).clip(0.008)
    open_share = 1.0 - 0.9 * channel(f"blink_{side}").clip(0, 1)
    return np.asarray(LIP_RADIUS * (upper + lower) * open_share)


def _brow(channel: Channel, who: Identity, side: str) -> Floats:
    inner = 0.150 * channel(f"brow_inner_{side}") - 0.085 * channel(f"brow_down_{side}")
    outer = 0.150 * channel(f"brow_outer_{side}") - 0.030 * channel(f"brow_down_{side}")
    raised = 0.5 * inner + 0.7 * outer - 0.015 * channel(f"sneer_{side}")
    lid = 0.059 * who.eye_height * 0.9 * channel(f"blink_{side}").clip(0, 1)
    return np.asarray(0.30 + who.brow_height + raised + 0.5 * lid)
