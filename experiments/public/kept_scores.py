"""Cross-validated scores kept on disk, keyed by what decides them, so that a report that only
words its tables differently does not train again."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from experiments.public.protocol import Material, Method, Outcome, cross_predict

#: To be raised by whoever changes how anything is trained or scored: it is part of the key.
TRAINED_BY = "recipe 1"
_FIELDS = ("log_odds", "thresholded", "p_values", "spread", "attention")


def key_of(m: Material, methods: Mapping[str, Method], repeats: int) -> str:
    """SHA-256 of data, methods, repeats and :data:`TRAINED_BY`."""
    digest = hashlib.sha256(TRAINED_BY.encode())
    digest.update(m.raw.tobytes() + m.labels.tobytes() + "\n".join(m.subjects).encode())
    digest.update(f"{m.expressions}{repeats}{sorted(methods.items())!r}".encode())
    return digest.hexdigest()


def cached_cross_predict(
    folder: Path,
    m: Material,
    methods: Mapping[str, Method],
    repeats: int,
) -> dict[str, Outcome]:
    """:func:`experiments.public.protocol.cross_predict`, from disk when nothing changed."""
    file = folder / f"cross-{key_of(m, methods, repeats)[:24]}.npz"
    if file.is_file():
        with np.load(file) as kept:
            return {
                name: Outcome(
                    **{field: kept[f"{name}|{field}"] for field in _FIELDS},
                    chosen=[str(c) for c in kept[f"{name}|chosen"]],
                )
                for name in methods
            }
    outcomes = cross_predict(m, methods, repeats)
    arrays = {
        f"{name}|{field}": getattr(outcome, field)
        for name, outcome in outcomes.items()
        for field in _FIELDS
    }
    chosen = {f"{n}|chosen": np.array(o.chosen, dtype=np.str_) for n, o in outcomes.items()}
    folder.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.part.npz")
    np.savez_compressed(partial, **arrays, **chosen)
    partial.replace(file)
    return outcomes
