"""Feature rows → scores: the one path of tables, assessments and evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ml.features import columns_of
from ml.scoring.calibration import probability
from ml.scoring.classifier import Classifier
from ml.scoring.curve_token import CURVES, Curves, CurveToken, join
from ml.scoring.grades import EXPERIMENTAL, Grades, expected_grade
from ml.scoring.index import HypomimiaIndex
from ml.scoring.norms import Norms, drop_failed
from ml.scoring.prediction import predict

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
    """Arrays behind the scores of N people; NaN where nothing could be computed. ``there`` and
    ``attention``: a column for each token of the fusion."""

    there: Booleans
    index: Floats
    p_pd: Floats
    low: Floats
    high: Floats
    sets: Booleans
    spread: Floats
    attention: Floats
    grades: Floats  # (N, 5), NaN without a grade model


@dataclass(frozen=True, eq=False)
class Scorer:
    """Norms, index and ensemble together, as a bundle carries them.

    ``spread_limit``: members that disagree by more than this (standard deviation of their
    log-odds) make the result abstain; ``enough``: expressions needed not to abstain. ``curves``:
    the LSTM whose last state is one more token, where the model was trained with one.
    """

    norms: Norms
    index: HypomimiaIndex
    classifier: Classifier
    spread_limit: float
    enough: int = 2
    grades: Grades | None = None
    curves: CurveToken | None = None

    @property
    def expressions(self) -> tuple[str, ...]:
        return tuple(e for e in self.classifier.spec.fusion.expressions if e != CURVES)

    def tokens(self, rows: Sequence[Mapping[str, float | None]]) -> Floats:
        """(N, K, 14) normal scores; NaN where missing or where extraction failed."""
        columns = [name for e in self.expressions for name in columns_of(e)]
        raw = np.full((len(rows), len(columns)), np.nan)
        for n, row in enumerate(rows):
            for c, name in enumerate(columns):
                value = row.get(name)
                if value is not None:
                    raw[n, c] = value
        shaped = drop_failed(raw, columns).reshape(len(rows), len(self.expressions), -1)
        return self.norms.z_tokens(self.expressions, shaped)

    def estimate(
        self,
        z: Floats,
        present: Booleans,
        prevalence: float | None,
        states: Floats | None = None,
    ) -> Estimates:
        """All numbers for people of any mixture of present expressions. ``z`` (N, K, 14);
        ``states`` (N, U) of the LSTM, NaN or None where there are no curves."""
        hidden = np.where(present[..., None], z, np.nan)
        tokens = self._with_states(hidden, states)
        said = predict(self.classifier, tokens, prevalence)
        grades = np.full((len(z), 5), np.nan)
        if self.grades is not None:
            grades = self.grades.distribution(hidden, present)
        index = self.index.score(self.for_index(hidden))
        return Estimates(
            there=said.there,
            index=index,
            p_pd=probability(said.log_odds),
            low=probability(said.low),
            high=probability(said.high),
            sets=(said.p_values > ALPHA) & said.there.any(axis=-1, keepdims=True),
            spread=said.spread,
            attention=said.attention,
            grades=grades,
        )

    def _with_states(self, z: Floats, states: Floats | None) -> Floats:
        """The fusion's tokens: those of the expressions, and that of the curves if it has one."""
        if self.curves is None:
            return z
        none = np.full((len(z), len(self.curves.centre)), np.nan)
        return join(z, none if states is None else states)

    def states(self, people: Sequence[Curves | None]) -> Floats | None:
        return None if self.curves is None else self.curves.states(people)

    def for_index(self, z: Floats) -> Floats:
        """The index's own expressions, in its order; NaN for those this model does not read. A
        small cohort's bundle borrows the shipped index, and no index knows every expression.
        (N, K, 14) → (N, expressions of the index, 14)."""
        result = np.full((len(z), len(self.index.expressions), z.shape[-1]), np.nan)
        for k, expression in enumerate(self.index.expressions):
            if expression in self.expressions:
                result[:, k] = z[:, self.expressions.index(expression)]
        return result

    def score(
        self,
        rows: Sequence[Mapping[str, float | None]],
        prevalence: float | None = None,
        curves: Sequence[Curves | None] | None = None,
    ) -> list[Score]:
        """Scores of people given as mappings of feature columns to numbers, and, where there are
        any, their intensity ``curves`` by expression (read by a model with an LSTM only)."""
        if not rows:
            return []
        people = [None] * len(rows) if curves is None else curves
        z = self.tokens(rows)
        present = np.isfinite(z).any(axis=-1)
        full = self.estimate(z, present, prevalence, self.states(people))
        without = {}
        for k, expression in enumerate(self.expressions):
            kept = present.copy()
            kept[:, k] = False
            others = [c and {e: v for e, v in c.items() if e != expression} for c in people]
            without[expression] = self.estimate(z, kept, prevalence, self.states(others))
        if self.curves is not None:
            without[CURVES] = self.estimate(z, present, prevalence)
        return [self._score(n, full, without, present[n]) for n in range(len(rows))]

    def _score(
        self, n: int, full: Estimates, without: Mapping[str, Estimates], present: Booleans
    ) -> Score:
        tokens = zip(self.classifier.spec.fusion.expressions, full.there[n], strict=True)
        here = [name for name, there in tokens if there]
        weights = dict(zip(self.classifier.spec.fusion.expressions, full.attention[n], strict=True))
        leave_one_out = {
            name: {
                "hypomimia_index": _number(without[name].index[n]),
                "p_pd": _number(without[name].p_pd[n]),
            }
            for name in here
            if len(here) > 1
        }
        p_pd = _number(full.p_pd[n])
        graded = np.isfinite(full.grades[n]).all()
        severity = {str(g): float(p) for g, p in enumerate(full.grades[n])} if graded else None
        return Score(
            hypomimia_index=_number(full.index[n]),
            reference=self.index.reference,
            severity=severity,
            severity_expected=None if severity is None else float(expected_grade(full.grades[n])),
            severity_reason=self._severity_reason(severity),
            severity_experimental=severity is not None and self._experimental,
            p_pd=p_pd,
            p_pd_interval=None if p_pd is None else (float(full.low[n]), float(full.high[n])),
            prediction_set=tuple(c for c, on in zip(CLASSES, full.sets[n], strict=True) if on),
            abstained=self._abstained(int(present.sum()), float(full.spread[n])),
            attention={name: float(weights[name]) for name in here},
            leave_one_out=leave_one_out,
        )

    @property
    def _experimental(self) -> bool:
        """Grades that no clinician's grade stands behind."""
        return self.grades is not None and bool(self.grades.trained_on.get("experimental", True))

    def _severity_reason(self, severity: dict[str, float] | None) -> str | None:
        """Why there are no grades, or why they are only experimental."""
        if self.grades is None:
            return NO_GRADES
        if severity is None:
            return NOTHING_USABLE
        return EXPERIMENTAL if self._experimental else None

    def _abstained(self, expressions: int, spread: float) -> str | None:
        """Looks at what is missing and at the members' agreement, never at how strong a
        movement is."""
        if expressions == 0:
            return NOTHING_USABLE
        if expressions < self.enough:
            return FEW_EXPRESSIONS
        return MEMBERS_DISAGREE if spread > self.spread_limit else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
