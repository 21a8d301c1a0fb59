"""A scorer as arrays and plain JSON, and back: what a bundle's files hold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ml.scoring.calibration import CrossConformal, Temperature, subset_key
from ml.scoring.classifier import Classifier, ClassifierSpec, subsets
from ml.scoring.curve_token import CURVES, CurveToken
from ml.scoring.drawn_grades import DrawnGrades
from ml.scoring.ensemble import Parameters
from ml.scoring.fusion import FusionConfig, FusionModel
from ml.scoring.grades import GradeModel, Grades
from ml.scoring.index import HypomimiaIndex
from ml.scoring.lstm import DiagnosisModel
from ml.scoring.norms import Norms
from ml.scoring.scorer import CLASSES, Scorer
from ml.scoring.whitening import Whitening
from ml.settings import plain, settings

Arrays = dict[str, npt.NDArray[Any]]

# Whose grades taught a bundle's grade model: drawn people's or clinicians'.
DRAWN, FUSION = "drawn", "fusion"


def arrays_of(scorer: Scorer) -> Arrays:
    """What goes into ``weights.safetensors``."""
    classifier = scorer.classifier
    arrays: Arrays = {f"member.{n}": v.numpy() for n, v in classifier.parameters.items()}
    arrays |= {f"whitening.{n}": v for n, v in classifier.whitening.arrays().items()}
    for key, conformal in classifier.conformal.items():
        for k, pair in enumerate(conformal.scores):
            for label, scores in zip(CLASSES, pair, strict=True):
                arrays[f"conformal.{key}.{k}.{label}"] = scores.astype(np.float32)
    if isinstance(scorer.grades, GradeModel):
        arrays |= {f"grades.{n}": v.numpy() for n, v in scorer.grades.parameters.items()}
    if scorer.curves is not None:
        arrays |= {"curves.centre": scorer.curves.centre, "curves.spread": scorer.curves.spread}
    return arrays


def config_of(scorer: Scorer) -> dict[str, Any]:
    """What goes into ``bundle.json``."""
    classifier = scorer.classifier
    return {
        "classifier": plain(classifier.spec),
        "fold_of": [int(k) for k in classifier.fold_of],
        "prevalence": classifier.prevalence,
        "temperatures": {k: plain(t) for k, t in classifier.temperatures.items()},
        "index": scorer.index.to_json(),
        "spread_limit": scorer.spread_limit,
        "enough": scorer.enough,
        "grades": None if scorer.grades is None else _grades_config(scorer.grades),
    }


def _grades_config(grades: Grades) -> dict[str, Any]:
    trained_on = dict(grades.trained_on)
    if isinstance(grades, DrawnGrades):
        steps = {key: table.tolist() for key, table in grades.steps.items()}
        return {"kind": DRAWN, "steps": steps, "trained_on": trained_on}
    if isinstance(grades, GradeModel):
        return {
            "kind": FUSION,
            "fusion": plain(grades.config),
            "scale": grades.scale,
            "bias": [float(b) for b in grades.bias],
            "trained_on": trained_on,
        }
    raise TypeError(f"no way to store {type(grades).__name__}")


def scorer_from(
    config: Mapping[str, Any],
    arrays: Arrays,
    norms: Norms,
    diagnosis: DiagnosisModel | None = None,
) -> Scorer:
    """The inverse of :func:`config_of` and :func:`arrays_of`; ``diagnosis`` is the LSTM of a model
    that reads curves. Raises KeyError, ValueError or ConfigError naming what does not fit.
    """
    spec = settings(ClassifierSpec, config["classifier"], "classifier")
    fold_of = np.array(config["fold_of"], dtype=np.int64)
    _check_calibration(config, spec, fold_of)
    classifier = Classifier(
        spec,
        _parameters(arrays, "member.", spec.fusion, len(fold_of)),
        Whitening.from_arrays(arrays["whitening.centre"], arrays["whitening.matrix"]),
        fold_of,
        float(config["prevalence"]),
        {key: Temperature(**value) for key, value in config["temperatures"].items()},
        {key: _conformal(arrays, key, spec.folds) for key in config["temperatures"]},
    )
    index = HypomimiaIndex.from_json(config["index"])
    return Scorer(
        norms,
        index,
        classifier,
        float(config["spread_limit"]),
        int(config["enough"]),
        _grades(config["grades"], arrays, index, spec.fusion.expressions),
        _curves(arrays, diagnosis),
    )


def _check_calibration(
    config: Mapping[str, Any], spec: ClassifierSpec, fold_of: npt.NDArray[np.int64]
) -> None:
    """What would only be missed when the first person is scored. Raises ValueError naming it."""
    if not 0 < config["prevalence"] < 1:
        raise ValueError(f"the prevalence {config['prevalence']} is not between 0 and 1")
    if set(fold_of.tolist()) != set(range(spec.folds)):
        raise ValueError(f"fold_of does not name members of all {spec.folds} folds, and no others")
    names = spec.fusion.expressions
    for places in subsets(names):
        key = subset_key([names[k] for k in places])
        known = config["temperatures"].get(key)
        if known is None:
            raise ValueError(f"there is no temperature for {key}")
        if not np.isfinite([float(known["scale"]), float(known["bias"])]).all():
            raise ValueError(f"the temperature for {key} is not finite")


def reads_curves(config: Mapping[str, Any]) -> bool:
    """Whether a bundle's configuration is that of a model with an LSTM."""
    return CURVES in config["classifier"]["fusion"]["expressions"]


def _curves(arrays: Arrays, diagnosis: DiagnosisModel | None) -> CurveToken | None:
    if diagnosis is None:
        return None
    centre, spread = arrays["curves.centre"], arrays["curves.spread"]
    if centre.shape != (diagnosis.network.config.units,) or spread.shape != centre.shape:
        raise ValueError(f"curves.centre has shape {centre.shape}, not that of the LSTM's state")
    return CurveToken(diagnosis, centre, spread)


def _conformal(arrays: Arrays, key: str, folds: int) -> CrossConformal:
    def scores(k: int, label: str) -> npt.NDArray[np.float64]:
        return arrays[f"conformal.{key}.{k}.{label}"].astype(np.float64)

    return CrossConformal(tuple((scores(k, "no_pd"), scores(k, "pd")) for k in range(folds)))


def _grades(
    config: Mapping[str, Any] | None,
    arrays: Arrays,
    index: HypomimiaIndex,
    expressions: tuple[str, ...],
) -> Grades | None:
    if config is None:
        return None
    if config["kind"] == DRAWN:
        steps = {key: np.array(table) for key, table in config["steps"].items()}
        return DrawnGrades(expressions, index, steps, dict(config["trained_on"]))
    fusion = settings(FusionConfig, config["fusion"], "grades.fusion")
    return GradeModel(
        fusion,
        _parameters(arrays, "grades.", fusion, None),
        float(config["scale"]),
        np.array(config["bias"], dtype=np.float64),
        dict(config["trained_on"]),
    )


def _parameters(
    arrays: Arrays, prefix: str, config: FusionConfig, members: int | None
) -> Parameters:
    """The tensors of one ensemble; raises ValueError naming one that does not fit the config."""
    found = {
        name.removeprefix(prefix): torch.from_numpy(value.copy())
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
    wanted = {name: tuple(p.shape) for name, p in FusionModel(config).named_parameters()}
    if wanted.keys() != found.keys():
        odd = ", ".join(sorted(wanted.keys() ^ found.keys()))
        raise ValueError(f"tensors differ from the model's: {prefix}({odd})")
    count = members if members is not None else int(next(iter(found.values())).shape[0])
    for name, shape in wanted.items():
        if tuple(found[name].shape) != (count, *shape):
            raise ValueError(
                f"{prefix}{name} has shape {tuple(found[name].shape)}, not {(count, *shape)}"
            )
    return found
