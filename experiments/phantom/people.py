"""Phantom people as sessions: thousands simulated for the LSTM, some drawn and filmed.

Simulated signals are what FaceMesh would read, predicted from the programme
(``ml.phantom.signals``), so that a training cohort costs minutes. Both kinds go through the same
source, signs and sampling; how far the shortcut agrees with filmed faces is a figure of its own.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt

from experiments.phantom.oracle import posterior, seen
from ml import phantom
from ml.intensity.geometric import GeometricSource
from ml.intensity.source import IntensityCurve, IntensitySource, SourceIdentity, digest_of
from ml.measuring.geometry import CORNERS, SIGNALS
from ml.measuring.measurement import Measurement, series
from ml.phantom.capture import Capture
from ml.phantom.graded_people import draw_subject, load_config
from ml.phantom.performance import Performance, perform
from ml.phantom.signals import simulate, simulate_corners
from ml.scoring.assessment import session_curves
from ml.scoring.curve_sampling import SessionCurves, stack
from ml.scoring.session_signs import SIGNS, session_signs
from ml.signs.signs import signs
from vocabulary.expressions import Expression

LONGEST = 12.0
# Signs of a clip that do not grow with its length, so that no model can read the recording's.
FEATURES = ("peak", "amplitude", "mean", "onset-latency", "rise-rate", "decay-rate", "mean-speed")
_DECIMALS = 7


@dataclass(frozen=True, eq=False)
class People:
    """N people: curves for the LSTM with their signs, curve statistics (N, F) with NaN, PD
    (N,), grade (N,), and the oracle's probability of each grade (N, 5) from what was programmed."""

    curves: tuple[SessionCurves, ...]
    features: npt.NDArray[np.float64]
    pd: npt.NDArray[np.int64]
    grade: npt.NDArray[np.int64]
    posterior: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.pd)


@dataclass(frozen=True)
class Recipe:
    """What makes a simulated cohort."""

    count: int
    seed: int
    expressions: tuple[str, ...]
    seconds: float
    fps: float


def simulated_people(recipe: Recipe, cache: Path, workers: int) -> People:
    """People whose signals are simulated.

    Curves are those of the geometric source. Kept in ``cache`` by everything that decides them.
    """
    config, source = load_config(), GeometricSource()
    decides = {
        **asdict(recipe),
        "grades": config.digest,
        "source": source.identity.digest,
        "drawing": drawing_digest(signals=True),
        "signs": SIGNS,
    }
    path = cache / f"people-{digest_of(decides)[:24]}.npz"
    if path.is_file():
        return _stored(path, source.identity)
    share = -(-recipe.count // max(workers * 4, 1))
    starts = range(0, recipe.count, share)
    jobs = [(recipe, start, min(start + share, recipe.count)) for start in starts]
    if workers == 1:
        parts = [_compute(job) for job in jobs]
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            parts = list(pool.map(_compute, jobs))
    people = People(
        curves=tuple(curve for part in parts for curve in part.curves),
        features=np.concatenate([part.features for part in parts]),
        pd=np.concatenate([part.pd for part in parts]),
        grade=np.concatenate([part.grade for part in parts]),
        posterior=np.concatenate([part.posterior for part in parts]),
    )
    _store(path, people)
    return people


# What of ml.phantom decides no picture.
_NOT_DRAWING = ("signals", "__init__")


def drawing_digest(*, signals: bool = False) -> str:
    """SHA-256 over the code that draws phantoms, with that of simulated ``signals`` on demand:
    what was kept is of this code."""
    folder = Path(phantom.__file__).parent
    files = [path for path in sorted(folder.iterdir()) if path.suffix in (".py", ".json")]
    digest = hashlib.sha256()
    for path in files:
        if signals or path.stem not in _NOT_DRAWING:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _compute(job: tuple[Recipe, int, int]) -> People:
    """People ``start`` to ``stop`` of a recipe."""
    recipe, start, stop = job
    config, film, rows = load_config(), Capture(fps=recipe.fps), []
    for number in range(start, stop):
        person = draw_subject(config, number, recipe.seed)
        rng = np.random.default_rng([recipe.seed, 0xC10, number])
        measured, truths = {}, []
        for name in (Expression.REST, *(Expression(e) for e in recipe.expressions)):
            shown = perform(
                name, program=person.program(name), identity=person.identity, capture=film,
                seed=int(rng.integers(2**31)), seconds=recipe.seconds,
            )  # fmt: skip
            measured[str(name)] = simulated(shown, (recipe.seed, number))
            truths.append(shown.truth())
        rows.append(Row(measured, person.pd, person.grade, posterior(seen(truths), config)))
    return gather(rows, GeometricSource(), recipe.expressions)


def _store(path: Path, people: People) -> None:
    lengths = np.array([len(curve.values) for curve in people.curves])
    values = np.concatenate([curve.values for curve in people.curves])
    mask = np.concatenate([curve.mask for curve in people.curves])
    rest = {name: getattr(people, name) for name in ("features", "pd", "grade", "posterior")}
    rest["signs"] = np.stack([curve.signs for curve in people.curves])
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, lengths=lengths, values=values, mask=mask, **rest)
    partial.replace(path)


def _stored(path: Path, source: SourceIdentity) -> People:
    with np.load(path) as kept:
        ends = np.cumsum(kept["lengths"])[:-1]
        parts = np.split(kept["values"], ends), np.split(kept["mask"], ends), kept["signs"]
        curves = tuple(SessionCurves(v, m, source, s) for v, m, s in zip(*parts, strict=True))
        return People(curves, kept["features"], kept["pd"], kept["grade"], kept["posterior"])


@dataclass(frozen=True)
class Row:
    """One person: measurements by expression, what they are, and the oracle's view (5,)."""

    measured: Mapping[str, Measurement]
    pd: bool
    grade: int
    posterior: npt.NDArray[np.float64]


def gather(rows: Iterable[Row], source: IntensitySource, expressions: Sequence[str]) -> People:
    """People as arrays, their usable clips read by ``source``."""
    people, curves, features = list(rows), [], []
    for person in people:
        usable = {e: m for e, m in person.measured.items() if m.state == "measured"}
        found = session_curves(usable, source)
        posed = {e: found[e] for e in expressions if e in found}
        stacked = stack(posed, expressions, LONGEST)
        curves.append(replace(stacked, signs=session_signs(usable, SIGNS)))
        features.append(curve_features(usable, found, expressions))
    return People(
        curves=tuple(curves),
        features=np.array(features),
        pd=np.array([int(person.pd) for person in people]),
        grade=np.array([person.grade for person in people]),
        posterior=np.array([person.posterior for person in people]),
    )


def curve_features(
    measured: Mapping[str, Measurement],
    curves: Mapping[str, IntensityCurve],
    expressions: Sequence[str],
) -> list[float]:
    """:data:`FEATURES` of each expression in turn, NaN where missing: for simple models."""
    row = []
    for expression in expressions:
        found: dict[str, float | None] = {}
        if expression in curves:
            shown = signs(measured[expression], curves[expression])
            found = {sign.name: sign.value for sign in shown}
        row += [np.nan if (v := found.get(name)) is None else v for name in FEATURES]
    return row


def simulated(shown: Performance, person_seed: Sequence[int]) -> Measurement:
    """What measuring this performance would give: predicted signals, with the person's own shift
    and the noise of a frame drawn at random (``ml.phantom.signals``)."""
    signals, lips = simulate(shown, person_seed), simulate_corners(shown, person_seed)
    return Measurement(
        expression=str(shown.expression),
        state="measured",
        timestamps=tuple(shown.times.tolist()),
        signals={name: series(signals[:, i], _DECIMALS) for i, name in enumerate(SIGNALS)},
        corners={name: series(lips[:, i], _DECIMALS) for i, name in enumerate(CORNERS)},
        cues=shown.cues,
    )
