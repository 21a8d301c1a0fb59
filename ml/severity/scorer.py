"""Feature rows → scores: the one path of tables, assessments and evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ml.features import columns_of
from ml.norms import Norms
from ml.severity.balance import Balance, Distribution
from ml.severity.calibration import (
    CrossConformal,
    Temperature,
    probability,
    shift_prevalence,
    subset_key,
)
from ml.severity.classifier import Classifier, ClassifierSpec
from ml.severity.ensemble import Schedule
from ml.severity.index import HypomimiaIndex
from ml.severity.model import Fusion, FusionConfig, Head

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]

CLASSES = ("no_pd", "pd")
NO_GRADES = "not_trained_for_grades"
NOTHING_USABLE = "no_usable_expression"
FEW_EXPRESSIONS = "missing_expressions"
MEMBERS_DISAGREE = "model_uncertain"
ALPHA = 0.1


@dataclass(frozen=True)
class Score:
    """One person's scores; a number is None only where nothing could be computed.

    ``abstained`` is None or why the result should not be relied on: ``no_usable_expression``,
    ``missing_expressions``, ``model_uncertain``.
    """

    hypomimia_index: float | None
    reference: str
    severity: dict[str, float] | None
    severity_expected: float | None
    severity_reason: str | None
    severity_experimental: bool
    p_pd: float | None
    p_pd_interval: tuple[float, float] | None
    prediction_set: tuple[str, ...]
    abstained: str | None
    attention: dict[str, float]
    leave_one_out: dict[str, dict[str, float | None]]


@dataclass(frozen=True, eq=False)
class Estimates:
    """Arrays behind the scores of N people; NaN where nothing could be computed."""

    index: Floats
    p_pd: Floats
    low: Floats
    high: Floats
    sets: Booleans
    spread: Floats
    attention: Floats


@dataclass(frozen=True, eq=False)
class Scorer:
    """Norms, index and ensemble together, as a bundle carries them.

    ``spread_limit``: members that disagree by more than this (standard deviation of their
    log-odds) make the result abstain; ``enough``: expressions needed not to abstain.
    """

    norms: Norms
    index: HypomimiaIndex
    classifier: Classifier
    spread_limit: float
    enough: int = 2

    @property
    def expressions(self) -> tuple[str, ...]:
        return self.classifier.spec.fusion.expressions

    def tokens(self, rows: Sequence[Mapping[str, float | None]]) -> Floats:
        """(N, K, 14) normal scores; NaN where missing or where extraction failed."""
        from ml.cohort import drop_failed

        columns = [name for e in self.expressions for name in columns_of(e)]
        raw = np.full((len(rows), len(columns)), np.nan)
        for n, row in enumerate(rows):
            for c, name in enumerate(columns):
                value = row.get(name)
                if value is not None:
                    raw[n, c] = value
        shaped = drop_failed(raw, columns).reshape(len(rows), len(self.expressions), -1)
        return self.norms.z_tokens(self.expressions, shaped)

    def estimate(self, z: Floats, present: Booleans, prevalence: float | None) -> Estimates:
        """All numbers for people of any mixture of present expressions. ``z`` (N, K, 14)."""
        n = len(z)
        hidden = np.where(present[..., None], z, np.nan)
        p_pd, low, high, spread = (np.full(n, np.nan) for _ in range(4))
        sets = np.zeros((n, 2), dtype=bool)
        attention = np.zeros(present.shape)
        for pattern in np.unique(present, axis=0):
            rows = (present == pattern).all(axis=-1)
            if not pattern.any() or not rows.any():
                continue
            key = subset_key([e for e, on in zip(self.expressions, pattern, strict=True) if on])
            members, weights = self.classifier.members(hidden[rows], present[rows])
            by_fold = self.classifier.by_fold(members)
            calibrate = self.classifier.temperatures[key]
            odds = shift_prevalence(
                calibrate.apply(members), trained=self.classifier.prevalence, site=prevalence
            )
            centre = odds.mean(axis=0)
            p_pd[rows] = probability(centre)
            low[rows], high[rows] = probability(np.quantile(odds, [0.05, 0.95], axis=0))
            spread[rows] = odds.std(axis=0)
            sets[rows] = self.classifier.conformal[key].sets(by_fold, alpha=ALPHA)
            attention[rows] = weights.mean(axis=0)
        return Estimates(self.index.score(hidden), p_pd, low, high, sets, spread, attention)

    def score(
        self, rows: Sequence[Mapping[str, float | None]], prevalence: float | None = None
    ) -> list[Score]:
        """Scores of people given as mappings of feature columns to numbers."""
        if not rows:
            return []
        z = self.tokens(rows)
        present = np.isfinite(z).any(axis=-1)
        full = self.estimate(z, present, prevalence)
        without = []
        for k in range(len(self.expressions)):
            kept = present.copy()
            kept[:, k] = False
            without.append(self.estimate(z, kept, prevalence))
        return [self._score(n, full, without, present) for n in range(len(rows))]

    def _score(
        self, n: int, full: Estimates, without: Sequence[Estimates], present: Booleans
    ) -> Score:
        here = [k for k in range(len(self.expressions)) if present[n, k]]
        leave_one_out = {
            self.expressions[k]: {
                "hypomimia_index": _number(without[k].index[n]),
                "p_pd": _number(without[k].p_pd[n]),
            }
            for k in here
            if len(here) > 1
        }
        p_pd = _number(full.p_pd[n])
        return Score(
            hypomimia_index=_number(full.index[n]),
            reference=self.index.reference,
            severity=None,
            severity_expected=None,
            severity_reason=NO_GRADES,
            severity_experimental=False,
            p_pd=p_pd,
            p_pd_interval=None if p_pd is None else (float(full.low[n]), float(full.high[n])),
            prediction_set=tuple(c for c, on in zip(CLASSES, full.sets[n], strict=True) if on),
            abstained=self._abstained(len(here), float(full.spread[n])),
            attention={self.expressions[k]: float(full.attention[n, k]) for k in here},
            leave_one_out=leave_one_out,
        )

    def _abstained(self, expressions: int, spread: float) -> str | None:
        """Looks at what is missing and at the members' agreement, never at how strong a
        movement is."""
        if expressions == 0:
            return NOTHING_USABLE
        if expressions < self.enough:
            return FEW_EXPRESSIONS
        return MEMBERS_DISAGREE if spread > self.spread_limit else None

    # --- as files -----------------------------------------------------------------------------

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What goes into ``weights.safetensors``."""
        arrays: dict[str, npt.NDArray[Any]] = {
            f"member.{name}": value.numpy() for name, value in self.classifier.parameters.items()
        }
        for key, conformal in self.classifier.conformal.items():
            for k, pair in enumerate(conformal.scores):
                for label, scores in zip(CLASSES, pair, strict=True):
                    arrays[f"conformal.{key}.{k}.{label}"] = scores.astype(np.float32)
        return arrays

    def config(self) -> dict[str, Any]:
        """What goes into ``bundle.json``."""
        from ml.bundle import plain

        classifier = self.classifier
        return {
            "classifier": plain(classifier.spec),
            "fold_of": [int(k) for k in classifier.fold_of],
            "prevalence": classifier.prevalence,
            "temperatures": {k: plain(t) for k, t in classifier.temperatures.items()},
            "index": self.index.to_json(),
            "spread_limit": self.spread_limit,
            "enough": self.enough,
        }

    @classmethod
    def from_parts(
        cls, config: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], norms: Norms
    ) -> "Scorer":
        """The inverse of :meth:`config` and :meth:`arrays`; checks shapes against the model."""
        spec = spec_from_json(config["classifier"])
        fold_of = np.array(config["fold_of"], dtype=np.int64)
        parameters = {
            name.removeprefix("member."): torch.from_numpy(value.copy())
            for name, value in arrays.items()
            if name.startswith("member.")
        }
        check_shapes(spec.fusion, parameters, len(fold_of))
        conformal = {
            key: CrossConformal(
                tuple(
                    (
                        arrays[f"conformal.{key}.{k}.no_pd"].astype(np.float64),
                        arrays[f"conformal.{key}.{k}.pd"].astype(np.float64),
                    )
                    for k in range(spec.folds)
                )
            )
            for key in config["temperatures"]
        }
        classifier = Classifier(
            spec,
            parameters,
            fold_of,
            float(config["prevalence"]),
            {key: Temperature(**value) for key, value in config["temperatures"].items()},
            conformal,
        )
        return cls(
            norms,
            HypomimiaIndex.from_json(config["index"]),
            classifier,
            float(config["spread_limit"]),
            int(config["enough"]),
        )


def spec_from_json(data: Mapping[str, Any]) -> ClassifierSpec:
    """Configuration classes from plain JSON."""
    fusion = dict(data["fusion"])
    fusion["expressions"] = tuple(fusion["expressions"])
    fusion["fusion"], fusion["head"] = Fusion(fusion["fusion"]), Head(fusion["head"])
    balance = dict(data["balance"])
    balance["distribution"] = Distribution(balance["distribution"])
    rest = {k: v for k, v in data.items() if k not in ("fusion", "balance", "schedule")}
    return ClassifierSpec(
        fusion=FusionConfig(**fusion),
        balance=Balance(**balance),
        schedule=Schedule(**data["schedule"]),
        **rest,
    )


def check_shapes(
    config: FusionConfig, parameters: Mapping[str, torch.Tensor], members: int
) -> None:
    """Raises :class:`ValueError` naming the tensor that does not fit the configuration."""
    from ml.severity.model import FusionModel

    wanted = {name: tuple(p.shape) for name, p in FusionModel(config).named_parameters()}
    if wanted.keys() != parameters.keys():
        odd = ", ".join(sorted(wanted.keys() ^ parameters.keys()))
        raise ValueError(f"tensors differ from the model's: {odd}")
    for name, shape in wanted.items():
        if tuple(parameters[name].shape) != (members, *shape):
            raise ValueError(
                f"{name} has shape {tuple(parameters[name].shape)}, not {(members, *shape)}"
            )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
