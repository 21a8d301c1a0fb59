"""What a way of filming does beyond the sensor's noise: filmed again and again, with other noise.

``python -m experiments.invariance.scatter WAY … [--times N]`` prints, of each performance and way,
by how many per cent each signal differs from the upright film: mean ± standard deviation over N
noises of both. What lies within two standard errors of 0 is the mesh's own jitter, and no fault of
the way.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.invariance.films import Scene
from experiments.invariance.study import PERFORMANCES, deviation, scene
from experiments.invariance.ways import UPRIGHT, Way, ways
from ml.measuring.clip import measure_clip
from ml.measuring.measurement import Measurement

#: Noises of the upright films and of the others: never the same one.
APART = 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="experiments.invariance.scatter", description=__doc__)
    known = {way.name: way for way in (UPRIGHT, *ways())}
    parser.add_argument("ways", nargs="+", choices=sorted(known), metavar="WAY")
    parser.add_argument("--times", type=int, default=6, help="noises (default 6)")
    options = parser.parse_args()
    for seed, expression in PERFORMANCES:
        performed = scene(seed, expression)
        upright = [filmed(UPRIGHT, performed, n) for n in range(options.times)]
        for name in options.ways:
            found = [filmed(known[name], performed, APART + n) for n in range(options.times)]
            print(f"{expression} {seed}, {name}: {line(upright, found, known[name])}", flush=True)


def filmed(way: Way, performed: Scene, noise: int) -> Measurement:
    with tempfile.TemporaryDirectory() as folder:
        path = way.write(Path(folder) / f"film{way.suffix}", replace(performed, noise=noise))
        return measure_clip(path, expression="smile")


def line(upright: Sequence[Measurement], found: Sequence[Measurement], way: Way) -> str:
    """The signals whose mean deviation is beyond 1 % (means) or 5 % (variances)."""
    pairs = zip(found, upright, strict=True)
    shares: list[Mapping[str, float]] = [
        deviation(one, reference, exchanged=way.exchanged).shares for one, reference in pairs
    ]
    parts = []
    for name in shares[0]:
        values = 100 * np.array([one[name] for one in shares])
        if abs(values.mean()) > (1.0 if name.endswith("mean") else 5.0) or values.std() > 5.0:
            parts.append(f"{name} {values.mean():+.1f} ± {values.std(ddof=1):.1f}")
    return "; ".join(parts) or "nothing beyond 1 % and 5 %"


if __name__ == "__main__":
    main()
