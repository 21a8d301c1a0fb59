"""The fusion's members trained fold by fold, resumable, by one process or several."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from ml.cohort.table import Cohort
from ml.distributed import Processes
from ml.errors import CohortError, ConfigError
from ml.files import whole
from ml.scoring.classifier import Classifier, ClassifierSpec, calibrated, crossfit_plan
from ml.scoring.ensemble import Examples, Parameters, fit
from ml.scoring.whitening import Whitening

Say = Callable[[str], None]


def parts_of(out: Path) -> Path:
    """Where a run keeps what is done of the bundle ``out`` until it is whole."""
    parts = out.with_name(f"{out.name}.partial")
    parts.mkdir(parents=True, exist_ok=True)
    return parts


def crossfit(
    spec: ClassifierSpec, z: Any, cohort: Cohort, parts: Path, group: Processes, say: Say
) -> Classifier | None:
    """Train fold by fold, each kept on disk when done: a run that was cut goes on where it was.
    Several processes share the folds; the first one puts them together."""
    labels, people = cohort.pd, [str(s) for s in cohort.subject]
    fold, weights, inner, fold_of = crossfit_plan(labels, people, spec)
    if spec.balance.class_difficulty > 0 and not inner.any(axis=1).all():
        raise CohortError(
            f"{len(set(people))} subjects are too few to keep some of each fold aside for the"
            " class difficulty; set model.balance.class_difficulty to 0, or use fewer folds",
            file=cohort.name,
        )
    whitening = (
        Whitening.fit(z[labels == 0]) if spec.whiten else Whitening.none(z.shape[1], z.shape[2])
    )
    tokens = whitening.tokens(z)
    present = torch.from_numpy(np.isfinite(z).any(axis=-1))
    examples = Examples(tokens, present, torch.from_numpy(labels))
    key = run_key(spec, tokens, cohort)
    files = [parts / f"{key}-fold-{k}.safetensors" for k in range(spec.folds)]
    timer = Timer(say, "training folds") if group.first else None
    for k, file in enumerate(files):
        if k % group.world == group.rank and not file.is_file():
            mine = fold_of == k
            trained = fit(
                spec.fusion, spec.balance, spec.schedule, examples,
                torch.from_numpy(weights[mine]).float(), torch.from_numpy(inner[mine]).float(),
                seed=spec.seed * 1000 + k,
            )  # fmt: skip
            _keep(trained, file)
        if timer is not None:
            timer(k + 1, spec.folds)
    group.wait()
    if not group.first:
        return None
    loaded = [load_file(file) for file in files]
    if not all(torch.isfinite(value).all() for part in loaded for value in part.values()):
        for file in files:
            file.unlink()
        raise ConfigError("training diverged: lower model.schedule.learning_rate")
    parameters: Parameters = {n: torch.cat([part[n] for part in loaded]) for n in loaded[0]}
    prevalence = float((labels > 0).mean())
    classifier = Classifier(spec, parameters, whitening, fold_of, prevalence)
    whole = calibrated(classifier, z, labels, fold)
    for file in files:
        file.unlink()
    return whole


def run_key(spec: ClassifierSpec, tokens: torch.Tensor, cohort: Cohort) -> str:
    """Identity of a run: a fold that another configuration or cohort trained is never reused."""
    digest = hashlib.sha256(json.dumps(asdict(spec), sort_keys=True, default=str).encode())
    digest.update(tokens.numpy().tobytes() + cohort.pd.tobytes())
    digest.update("\n".join(map(str, cohort.subject)).encode())
    return digest.hexdigest()[:16]


def _keep(parameters: Parameters, file: Path) -> None:
    with whole(file) as partial:
        save_file({n: v.contiguous() for n, v in parameters.items()}, partial)


class Timer:
    """Says how far a step is and how long the rest will take, at most every ten seconds."""

    def __init__(self, say: Say, name: str) -> None:
        self._say, self._name = say, name
        self._started = self._said = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if done < of and now - self._said < 10:
            return
        self._said = now
        left = (now - self._started) / done * (of - done)
        self._say(f"{self._name}: {done} of {of}, about {left:.0f} s left")
