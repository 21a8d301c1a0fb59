"""Coverage of a person's band and false alarms of change, on people who were not learnt from.

Variance components come from the other folds of people. Each person counts once, whatever the
number of their sessions: a figure of a person is the mean over all ways of choosing which of their
sessions came first, since the table does not say how far apart they were.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from experiments.repeatability.repeats import Repeats
from ml.metrics import Interval
from ml.scoring.person import Components, Reading, Scale, change, person_score, variance_components

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

FOLDS = 10
REPEATS = 5
MOST_SEEN = 3


def folds(found: Repeats, values: Floats) -> Iterator[tuple[Rows, Components]]:
    """Each held-out person's rows, with components of the people in other folds; several times."""
    people = found.people()
    generator = np.random.default_rng(0)
    for _ in range(REPEATS):
        fold = generator.permutation(len(people)) % FOLDS
        for k in range(FOLDS):
            rest = np.concatenate([rows for rows, f in zip(people, fold, strict=True) if f != k])
            components = variance_components(values[rest], found.subject[rest])
            for rows, f in zip(people, fold, strict=True):
                if f == k:
                    yield rows, components


def coverage(found: Repeats, values: Floats, scale: Scale) -> dict[str, Interval]:
    """Share of held-out people whose band from n sessions holds the mean of as many other sessions
    (fewer where there are no more), and a single other session. ``values`` on the scale."""
    hits: dict[str, dict[int, list[float]]] = {}
    for rows, components in folds(found, values):
        x = values[rows]
        for n in range(1, min(len(x), MOST_SEEN + 1)):
            again, single = _covered(x, n, components, scale)
            for seen in (str(n), *(["2 or more"] if n > 1 else [])):
                for what, hit in (("as many again", again), ("one", single)):
                    of_people = hits.setdefault(f"{seen} → {what}", defaultdict(list))
                    of_people[int(rows[0])].append(hit)
    return {name: _over_people(of_people) for name, of_people in sorted(hits.items())}


def _covered(x: Floats, n: int, components: Components, scale: Scale) -> tuple[float, float]:
    again, single = [], []
    for seen in combinations(range(len(x)), n):
        found = person_score(_readings(x[list(seen)], scale), components, scale, ahead=0)
        low, high = scale.into(np.array([found.low, found.high]))
        others = np.delete(x, seen)
        means = [np.mean(some) for some in combinations(others, min(n, len(others)))]
        again.append(np.mean([low <= mean <= high for mean in means]))
        single.append(np.mean((low <= others) & (others <= high)))
    return float(np.mean(again)), float(np.mean(single))


def in_order(found: Repeats, values: Floats, scale: Scale) -> dict[str, float]:
    """The same in the table's order, each further session of each person counted once: the first n
    sessions, and the next."""
    hits: dict[str, list[bool]] = {"1 → next": [], "2 or more → next": [], "all": []}
    for rows, components in folds(found, values):
        x = values[rows]
        for n in range(1, len(x)):
            band = person_score(_readings(x[:n], scale), components, scale, ahead=0)
            low, high = scale.into(np.array([band.low, band.high]))
            hit = bool(low <= x[n] <= high)
            hits["1 → next" if n == 1 else "2 or more → next"].append(hit)
            hits["all"].append(hit)
    return {name: float(np.mean(some)) for name, some in hits.items()}


def alarms(found: Repeats, values: Floats, scale: Scale) -> dict[str, Interval]:
    """Share of held-out people in whom change is shown between two halves of their sessions (in the
    table's order, the earlier half the smaller), and between any two single sessions."""
    halves: dict[int, list[float]] = defaultdict(list)
    singles: dict[int, list[float]] = defaultdict(list)
    for rows, components in folds(found, values):
        readings = _readings(values[rows], scale)
        middle = len(readings) // 2
        shown = change(readings[:middle], readings[middle:], components, scale).is_shown
        halves[int(rows[0])].append(float(shown))
        pairs = [change([a], [b], components, scale) for a, b in combinations(readings, 2)]
        singles[int(rows[0])].append(float(np.mean([pair.is_shown for pair in pairs])))
    return {"two halves": _over_people(halves), "two single sessions": _over_people(singles)}


def simulated_alarms(
    found: Repeats, values: Floats, scale: Scale, *, people: int = 4000
) -> dict[str, dict[str, float]]:
    """Of invented people in whom nothing changes, by the sizes of the two courses. Their sessions
    scatter normally, or as the public people's do (each person's own scatter, drawn again)."""
    known = variance_components(values, found.subject)
    generator = np.random.default_rng(0)
    scatter = _scatter(found, values)

    def normal(size: int) -> Floats:
        return generator.normal(0, known.sem, size)

    def as_they_do(size: int) -> Floats:
        return generator.choice(scatter[generator.integers(len(scatter))], size)

    kinds: Mapping[str, Callable[[int], Floats]] = {"normal": normal, "as public": as_they_do}
    result: dict[str, dict[str, float]] = {name: {} for name in kinds}
    for name, noise in kinds.items():
        for first, second in ((1, 1), (1, 3), (3, 3), (5, 5)):
            shown = []
            for _ in range(people):
                centre = generator.normal(known.mean, np.sqrt(known.between))
                x = centre + noise(first + second)
                before, after = _readings(x[:first], scale), _readings(x[first:], scale)
                shown.append(change(before, after, known, scale).is_shown)
            result[name][f"{first} and {second}"] = float(np.mean(shown))
    return result


def _scatter(found: Repeats, values: Floats) -> list[Floats]:
    """Each person's deviations from their mean, widened for having been taken from it."""
    result = []
    for rows in found.people():
        own = values[rows] - values[rows].mean()
        result.append(own * np.sqrt(len(rows) / (len(rows) - 1)))
    return result


def _readings(scaled: Floats, scale: Scale) -> list[Reading]:
    return [Reading(float(value)) for value in scale.back(np.asarray(scaled))]


def _over_people(of_people: Mapping[int, Sequence[float]], *, count: int = 1000) -> Interval:
    """Mean over people with its 95 % bootstrap interval over them."""
    means = np.array([np.mean(of_one) for of_one in of_people.values()])
    generator = np.random.default_rng(0)
    drawn = [means[generator.integers(len(means), size=len(means))].mean() for _ in range(count)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(means.mean()), float(low), float(high))
