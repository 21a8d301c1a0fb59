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


def key_of(m: Material, name: str, method: Method, repeats: int) -> str:
    """SHA-256 of data, method, repeats and :data:`TRAINED_BY`."""
    digest = hashlib.sha256(TRAINED_BY.encode())
    digest.update(m.raw.tobytes() + m.labels.tobytes() + "\n".join(m.subjects).encode())
    digest.update(f"{m.expressions}{repeats}{(name, method)!r}".encode())
    return digest.hexdigest()


def cached_cross_predict(
    folder: Path,
    m: Material,
    methods: Mapping[str, Method],
    repeats: int,
) -> dict[str, Outcome]:
    """:func:`experiments.public.protocol.cross_predict`, each method from disk where nothing of it
    changed: the splits are the same whatever else is run."""
    files = {
        name: folder / f"scores-{key_of(m, name, method, repeats)[:24]}.npz"
        for name, method in methods.items()
    }
    lacking = {name: one for name, one in methods.items() if not files[name].is_file()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, outcome in (cross_predict(m, lacking, repeats) if lacking else {}).items():
        keep(files[name], outcome)
    return {name: kept(file) for name, file in files.items()}


def keep(file: Path, outcome: Outcome) -> None:
    """One method's scores; the file is there whole or not at all."""
    arrays = {field: getattr(outcome, field) for field in _FIELDS}
    partial = file.with_name(f"{file.name}.part.npz")
    np.savez_compressed(partial, chosen=np.array(outcome.chosen, dtype=np.str_), **arrays)
    partial.replace(file)


def kept(file: Path) -> Outcome:
    with np.load(file) as found:
        arrays = {field: found[field] for field in _FIELDS}
        return Outcome(**arrays, chosen=[str(one) for one in found["chosen"]])
