"""How high a figure on phantoms can be at all: limits of the phantom, not of the reader."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from experiments.phantom.figures import ClipFigure
from experiments.phantom.oracle import Seen, posterior
from ml.phantom.channels import CHANNELS, recipe_vector
from ml.phantom.cohort import CohortSpec, programme
from ml.phantom.graded_people import draw_subject, load_config
from ml.phantom.performance import Performance
from vocabulary.expressions import POSED, Expression

Floats = npt.NDArray[np.float64]

_NOISE = 1e-9
_BLINKING = np.array([name.startswith("blink") for name in CHANNELS])


def without_ties(spec: CohortSpec, people: int, expressions: Sequence[str]) -> list[ClipFigure]:
    """The programmed curve itself, wavering by one part in a billion: what a curve reaches that is
    exact but cannot tie where the truth is flat."""
    rng = np.random.default_rng(0)
    figures = []
    for name, expression, shown in _performances(spec, people, expressions):
        curve = shown.intensity + _NOISE * rng.standard_normal(len(shown.intensity))
        figures.append(_figure(name, expression, curve, shown))
    return figures


def as_drawn(spec: CohortSpec, people: int, expressions: Sequence[str]) -> list[ClipFigure]:
    """How far the drawn face is along its expression, read from the drawing's own channels: the
    face wanders a little by itself, which is programmed too but is not in the truth."""
    figures = []
    for name, expression, shown in _performances(spec, people, expressions):
        recipe = np.asarray(recipe_vector(expression, shown.program.asymmetry, shown.program.upper))
        recipe = np.where(_BLINKING, 0.0, recipe)
        curve = shown.channels.astype(np.float64) @ recipe / (recipe @ recipe)
        figures.append(_figure(name, expression, curve, shown))
    return figures


def movement_oracle(count: int, seed: int, expressions: Sequence[str]) -> Floats:
    """(N, 5) the oracle's probability of each grade from posed movement alone, without blinks, lips
    and tremor at rest: what curves of posed expressions could hold at most."""
    config, rows = load_config(), []
    for number in range(count):
        person = draw_subject(config, number, seed)
        seen = Seen(
            amplitudes={e: person.amplitudes[e] for e in POSED if e in expressions},
            upper=person.upper,
            speed=person.speed,
            latency_s=person.latency_s,
            asymmetry=person.asymmetry,
            tremor=False,
            lips_parted=0.0,
            blinks=(),
        )
        rows.append(posterior(seen, config, at_rest=False))
    return np.array(rows)


def _performances(
    spec: CohortSpec, people: int, expressions: Sequence[str]
) -> list[tuple[str, Expression, Performance]]:
    found = []
    for number in range(people):
        for expression in expressions:
            person, shown = programme(spec, number, expression)
            found.append((person.name, Expression(expression), shown))
    return found


def _figure(name: str, expression: Expression, curve: Floats, shown: Performance) -> ClipFigure:
    rank = float(spearmanr(curve, shown.intensity).statistic)
    return ClipFigure(name, str(expression), rank, None)
