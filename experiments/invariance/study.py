"""Films each performance in each way, measures it and compares it with the upright film."""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from experiments.invariance.films import Scene
from experiments.invariance.ways import UPRIGHT, Way, ways
from ml import phantom
from ml.measuring import geometry
from ml.measuring.clip import measure_clip
from ml.measuring.measurement import Measurement
from ml.phantom.render import render

logger = logging.getLogger(__name__)
#: Seed of the drawn person and its expression.
PERFORMANCES = ((3, "smile"), (8, "surprise"))
SECONDS = 2.5
RATE = 20.0
#: Deviations are shares of the value, but of no less than these. Two per cent of the first are a
#: fifth of one of the 192 pixels that the mesh looks at; ten per cent of the second are what the
#: mesh's jitter makes of the variance of a signal that does not move.
LEAST = {"mean": 0.15, "var": 0.0012}


@dataclass(frozen=True)
class Deviation:
    """Of one performance filmed in one way: ``reason`` and ``detail`` where it was refused, else
    ``shares``: ``<signal>_mean`` or ``_var`` to the signed share by which it differs."""

    shares: Mapping[str, float]
    reason: str = ""
    detail: str = ""


Found = Mapping[str, Sequence[Deviation]]


def measured(workers: int) -> Found:
    """For each way by its name the deviation of each performance."""
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        found = list(pool.map(_performance, PERFORMANCES))
    return {way.name: [one[way.name] for one in found] for way in ways()}


def scene(seed: int, expression: str) -> Scene:
    camera = phantom.Capture(width=1280, height=960, fps=RATE, noise=0.0)
    plan = phantom.Program(repetitions=2)
    drawn = phantom.perform(expression, seed=seed, seconds=SECONDS, program=plan, capture=camera)
    return Scene(list(render(drawn)), RATE)


def _performance(which: tuple[int, str]) -> dict[str, Deviation]:
    seed, expression = which
    performed = scene(seed, expression)
    with tempfile.TemporaryDirectory() as folder:

        def filmed(way: Way) -> Measurement:
            path = way.write(Path(folder) / f"film{way.suffix}", performed)
            return measure_clip(path, expression=expression)

        reference = filmed(UPRIGHT)
        found = {}
        for way in ways():
            found[way.name] = deviation(filmed(way), reference, exchanged=way.exchanged)
            logger.info("%s %s: %s", expression, seed, way.name)
    return found


def deviation(found: Measurement, reference: Measurement, *, exchanged: bool) -> Deviation:
    if found.reason is not None:
        return Deviation({}, str(found.reason), found.detail)
    names = geometry.SIGNALS
    places = geometry.exchanged(names) if exchanged else range(len(names))
    shares = {}
    for name, place in zip(names, places, strict=True):
        for kind, least in LEAST.items():
            right = reference.stats[f"{name}_{kind}"]
            wrong = found.stats[f"{names[place]}_{kind}"] - right
            shares[f"{name}_{kind}"] = wrong / max(abs(right), least)
    return Deviation(shares)
