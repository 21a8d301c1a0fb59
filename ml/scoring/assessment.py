"""A whole session: measured clips and a bundle become one assessment, with what to make of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from ml.intensity.source import (
    ClipMaterial,
    IntensityCurve,
    IntensitySource,
    Material,
    one_source,
)
from ml.measuring.geometry import CORNERS
from ml.measuring.measurement import Measurement, table
from ml.scoring import repeatability
from ml.scoring.bundle import Bundle
from ml.scoring.calibration import shift_prevalence
from ml.scoring.person_result import Session, person_result
from ml.scoring.scorer import Score
from ml.scoring.served_source import check_source, shown_on, source_of
from ml.signs import repetitions
from ml.signs.asked import NOTHING_ELSE, Done, done
from ml.signs.signs import Percentiles, Sign, signs
from vocabulary import assessment as shape
from vocabulary.expressions import EXPRESSIONS, POSED, Expression
from vocabulary.person import PersonResult

POOR_CAPTURE = "poor_capture"
MAX_DROPPED = 0.3
CURVE_DECIMALS = 4

# What a person reads for each reason not to rely on the result.
ABSTENTIONS: Mapping[str, str] = {
    "no_usable_expression": "None of the recordings this result needs could be used.",
    "missing_expressions": "Too few of the expressions could be used for a result to rely on.",
    "model_uncertain": "The parts of the model disagree about this session.",
    POOR_CAPTURE: "Most recordings lost many pictures, so their numbers are not reliable.",
}


@dataclass(frozen=True)
class ClipReport:
    """One clip's part of the assessment; ``signs`` and ``curve`` only for a measured clip.
    ``done``: what was done instead of what was asked."""

    measured: Measurement
    signs: Sequence[Sign]
    curve: IntensityCurve | None
    done: Done = NOTHING_ELSE

    def to_json(self) -> shape.ClipReport:
        reason = self.measured.reason
        return {
            "expression": str(self.measured.expression),
            "state": self.measured.state,
            "reason": None if reason is None else str(reason),
            "detail": self.measured.detail,
            "quality": self.measured.quality.to_json(),
            "signs": [sign.to_json() for sign in self.signs],
            "curve": None if self.curve is None else curve_json(self.curve, self.measured.cues),
            "notes": [str(note) for note in self.done.notes],
            "shown": self.done.shown,
            "weight": self.done.weight,
        }


@dataclass(frozen=True)
class Assessment:
    """The result of one session. ``abstained`` is None or the code of why not to rely on it;
    the numbers are given even then, and are None only where nothing could be computed."""

    score: Score
    prevalence: float
    abstained: str | None
    missing: Sequence[str]
    diagnosis: shape.Diagnosis | None
    person: PersonResult
    bundle: shape.BundleIdentity
    intensity_source: shape.SourceName
    clips: Sequence[ClipReport]

    def to_json(self) -> shape.Assessment:
        score = self.score
        interval = None
        if score.p_pd_interval is not None:
            low, high = score.p_pd_interval
            interval = (round(low, 4), round(high, 4))
        words = None
        if self.abstained is not None:
            words = ABSTENTIONS.get(self.abstained, "This session cannot be scored reliably.")
        return {
            "schema": shape.SCHEMA,
            "hypomimia_index": _rounded(score.hypomimia_index, 2),
            "hypomimia_reference": score.reference,
            "severity": None
            if score.severity is None
            else {grade: round(p, 4) for grade, p in score.severity.items()},
            "severity_expected": _rounded(score.severity_expected, 3),
            "severity_reason": score.severity_reason,
            "severity_experimental": score.severity_experimental,
            "p_pd": _rounded(score.p_pd, 4),
            "p_pd_interval": interval,
            "prevalence": _rounded(self.prevalence, 4),
            "prediction_set": list(score.prediction_set),
            "abstained": self.abstained,
            "abstained_words": words,
            "attention": {str(e): round(w, 4) for e, w in score.attention.items()},
            "leave_one_out": {
                str(e): {
                    "hypomimia_index": _rounded(without["hypomimia_index"], 2),
                    "p_pd": _rounded(without["p_pd"], 4),
                }
                for e, without in score.leave_one_out.items()
            },
            "missing": list(self.missing),
            "diagnosis": self.diagnosis,
            "person": self.person,
            "bundle": self.bundle,
            "intensity_source": self.intensity_source,
            "clips": [clip.to_json() for clip in self.clips],
        }


def assess(
    measurements: Mapping[str, Measurement],
    *,
    bundle: Bundle,
    prevalence: float | None = None,
    source: IntensitySource | None = None,
    shown: IntensitySource | None = None,
) -> Assessment:
    """One session. ``measurements`` by expression, unusable ones included; ``prevalence`` is the
    site's own share of people with PD, None keeps the bundle's; ``source`` is the intensity source,
    None takes the one the bundle names; ``shown`` that of curves and signs, None takes the best
    that the clips were measured for. Raises ``SourceError`` for an unknown or another source,
    or clips that were not measured for it."""
    source = source_of(bundle) if source is None else check_source(bundle, source)
    usable = {e: m for e, m in measurements.items() if m.state == "measured"}
    row: dict[str, float | None] = {}
    for measured in usable.values():
        row |= measured.features()
    curves = session_curves(usable, source)
    one_source(curves.values())
    score = bundle.score([row], prevalence, [curves])[0]
    shown = shown or shown_on(source, usable.values())
    drawn = curves if shown is source else session_curves(usable, shown)
    ordered = sorted(measurements.items(), key=lambda item: EXPRESSIONS.index(Expression(item[0])))
    used = [m for e, m in usable.items() if e in bundle.expressions]
    site = prevalence if prevalence is not None else float(bundle.metadata["prevalence"])
    did = what_was_done(usable, shown)
    read = {e: did[e].weight for e in (Expression.REST, *bundle.expressions) if e in did}
    return Assessment(
        score=score,
        prevalence=site,
        abstained=score.abstained or _poor_capture(used),
        missing=[str(e) for e in bundle.expressions if e not in usable],
        diagnosis=_diagnosis(bundle, curves, site),
        person=_person(bundle, score, list(usable.values()), list(read.values())),
        bundle={
            "name": bundle.name,
            "version": bundle.version,
            "digest": bundle.digest,
            "sources": bundle.sources,
        },
        intensity_source=shown.identity.to_json(),
        clips=[_report(m, drawn.get(e), bundle.norms, did.get(e)) for e, m in ordered],
    )


def _person(
    bundle: Bundle, score: Score, usable: Sequence[Measurement], weights: Sequence[float]
) -> PersonResult:
    """What this session says of the person by itself: with the band that one session has, whose
    clips count for so much."""
    dropped = [m.quality.dropped_share for m in usable]
    session = Session(
        score.hypomimia_index,
        score.severity_expected,
        sum(dropped) / len(dropped) if dropped else 0.0,
        done_as_asked=sum(weights) / len(weights) if weights else 1.0,
    )
    return person_result([session], repeatability.load().for_model(bundle.scorer))


def _diagnosis(
    bundle: Bundle, curves: Mapping[str, IntensityCurve], prevalence: float
) -> shape.Diagnosis | None:
    """What the bundle's LSTM says by itself, at the site's prevalence but not calibrated; None for
    a bundle without one. ``used``: the expressions that it read."""
    if bundle.diagnosis is None:
        return None

    said = bundle.diagnosis.ask(curves)
    p_pd = None
    if said.p_pd is not None:
        odds = logit(np.clip(said.p_pd, 1e-6, 1 - 1e-6))
        trained = bundle.diagnosis.prevalence
        p_pd = float(expit(shift_prevalence(odds, trained=trained, site=prevalence)))
    return {
        "p_pd": _rounded(p_pd, 4),
        "source": said.source.to_json(),
        "used": list(said.used),
    }


def what_was_done(usable: Mapping[str, Measurement], source: IntensitySource) -> dict[str, Done]:
    """Of each usable clip, by the curves of all expressions that the source knows."""
    rest = usable.get(Expression.REST)
    still, found = None if rest is None else material(rest), {}
    for expression, measured in usable.items():
        clip = material(measured)
        curves = {str(e): source.curve(clip.of(e), still) for e in POSED if source.knows(e)}
        found[expression] = done(measured, curves, rest)
    return found


def session_curves(
    usable: Mapping[str, Measurement], source: IntensitySource
) -> dict[str, IntensityCurve]:
    """The intensity curve of each usable clip that the source knows the expression of, relative to
    the rest clip where there is one. A clip in which the model of blendshapes saw no face, or that
    was measured where there is no such model, has no curve of them; to be measured again would give
    the same."""
    rest = usable.get(Expression.REST)
    still = None if rest is None else material(rest)
    read = {e: material(m) for e, m in usable.items() if source.knows(e)}
    if source.material is Material.BLENDSHAPES:
        read = {e: clip for e, clip in read.items() if clip.has(source.material)}
    return {e: source.curve(clip, still) for e, clip in read.items()}


def material(measured: Measurement) -> ClipMaterial:
    """What intensity sources read of a measurement."""
    kept, shapes = measured.embeddings, measured.blendshapes
    return ClipMaterial(
        expression=measured.expression,
        timestamps=np.array(measured.timestamps),
        signals=measured.signal_table(),
        corners=table(measured.corners, CORNERS, len(measured.timestamps)),
        embedding_timestamps=None if kept is None else np.array(kept.timestamps),
        embeddings=None if kept is None else np.array(kept.vectors, np.float32),
        embeddings_by=None if kept is None else kept.digest,
        blendshape_timestamps=None if shapes is None else np.array(shapes.timestamps),
        blendshapes=None if shapes is None else np.array(shapes.vectors, np.float32),
    )


def _report(
    measured: Measurement,
    curve: IntensityCurve | None,
    norms: Percentiles | None,
    did: Done | None,
) -> ClipReport:
    if curve is None:
        return ClipReport(measured, (), None, did or NOTHING_ELSE)
    return ClipReport(measured, signs(measured, curve, norms), curve, did or NOTHING_ELSE)


def _poor_capture(used: Sequence[Measurement]) -> str | None:
    """Passed the gates one by one, but most of what the model read has holes."""
    holed = sum(m.quality.dropped_share > MAX_DROPPED for m in used)
    return POOR_CAPTURE if used and holed > len(used) / 2 else None


def curve_json(curve: IntensityCurve, cues: Sequence[float] | None) -> shape.Curve:
    """``t`` in seconds, ``intensity`` with null where no face was seen, and each repetition."""
    return {
        "t": np.round(curve.t, 3).tolist(),
        "intensity": _numbers(curve.intensity, CURVE_DECIMALS),
        "reference": str(curve.reference),
        "source": curve.source.to_json(),
        "cues": None if cues is None else list(cues),
        "peaks": [
            {
                "t": round(found.peak_at, 3),
                "intensity": round(found.peak, CURVE_DECIMALS),
                "onset": _rounded(found.onset, 3),
                "end": round(found.end, 3),
            }
            for found in repetitions.find(curve.t, curve.intensity, curve.smoothed_s)
            if curve.expression != Expression.REST
        ],
    }


def _numbers(values: npt.NDArray[np.floating[Any]], decimals: int) -> list[float | None]:
    rounded = np.round(np.asarray(values, np.float64), decimals).tolist()
    return [None if value != value else value for value in rounded]


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None or value != value else round(float(value), decimals)
