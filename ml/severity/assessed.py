"""A bundle judged on a labelled cohort: figures with intervals, subgroups, plots, one page.

Uses :meth:`ml.bundle.Bundle.score`, the same path as the service.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.bundle import Bundle
from ml.cohort import UNKNOWN, Cohort, person_digest, split_hash
from ml.errors import CohortError
from ml.evaluate import (
    Interval,
    auroc,
    bootstrap,
    brier_skill,
    calibration_error,
    macro_f1,
    quadratic_kappa,
    risk_coverage,
    subject_resamples,
)
from ml.severity.curves import Curves

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
SMALLEST_GROUP = 10


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of the labelled rows; NaN where nothing could be computed."""

    cohort: Cohort
    index: Floats
    grade: Floats
    p_pd: Floats
    width: Floats
    abstained: Booleans
    covered: Booleans
    both: Booleans


def judge(bundle: Bundle, cohort: Cohort, curves: Mapping[int, Curves] | None = None) -> Judged:
    """Score the rows whose split is ``test``, or all where no row is. Raises CohortError where no
    row has a PD label or a grade. ``curves``: those of a cohort of clips, by the row's line."""
    if (cohort.split == "test").any():
        cohort = cohort.take(cohort.split == "test")
    cohort = cohort.take((cohort.pd != UNKNOWN) | (cohort.grade != UNKNOWN))
    if not len(cohort):
        raise CohortError("no row to evaluate has a PD label or a grade", file=cohort.name)
    cohort = unseen(bundle, cohort)
    recorded = None if curves is None else [curves.get(int(line)) for line in cohort.line]
    scores = bundle.score(cohort.records(), None, recorded)

    def numbers(field: str) -> Floats:
        values = [getattr(score, field) for score in scores]
        return np.array([np.nan if v is None else v for v in values], dtype=np.float64)

    names = ("no_pd", "pd")
    return Judged(
        cohort,
        numbers("hypomimia_index"),
        numbers("severity_expected"),
        numbers("p_pd"),
        np.array(
            [s.p_pd_interval[1] - s.p_pd_interval[0] if s.p_pd_interval else 1 for s in scores]
        ),
        np.array([s.abstained is not None for s in scores], dtype=bool),
        np.array(
            [p != UNKNOWN and names[p] in s.prediction_set
             for p, s in zip(cohort.pd, scores, strict=True)], dtype=bool),
        np.array([len(s.prediction_set) == 2 for s in scores], dtype=bool),
    )  # fmt: skip


def unseen(bundle: Bundle, cohort: Cohort) -> Cohort:
    """The rows of people that the bundle was not trained on, as far as it says on whom it was.

    Raises :class:`CohortError` where nobody is left: figures on them would say nothing.
    """
    trained = set(bundle.metadata["training"].get("people", ()))
    rows = np.array([person_digest(str(s)) not in trained for s in cohort.subject], dtype=bool)
    if not rows.any():
        raise CohortError(
            f"{bundle.name} {bundle.version} was trained on everybody in it; keep people apart"
            " before training (split test), or evaluate the training's settings file",
            file=cohort.name,
        )
    return cohort.take(rows)


def figures(judged: Judged) -> dict[str, Any]:
    """Everything the page shows, as plain JSON."""
    cohort = judged.cohort
    result: dict[str, Any] = {
        "rows": len(cohort),
        "subjects": len(set(cohort.subject)),
        "split_hash": split_hash([str(s) for s in cohort.subject]),
        "unscorable": float(np.isnan(judged.p_pd).mean()),
        "abstained": float(judged.abstained.mean()),
    }
    rows = (cohort.pd != UNKNOWN) & np.isfinite(judged.p_pd)
    if len(np.unique(cohort.pd[rows])) == 2:
        result["pd"] = _pd_figures(judged, rows)
    graded = (cohort.grade != UNKNOWN) & np.isfinite(judged.index)
    if len(np.unique(cohort.grade[graded])) >= 2:
        result["grades"] = _grade_figures(judged, graded)
    return result


def _pd_figures(judged: Judged, rows: Booleans) -> dict[str, Any]:
    cohort = judged.cohort
    labels, p = cohort.pd[rows], judged.p_pd[rows]
    resamples = subject_resamples(cohort.subject[rows])

    def interval(metric: Callable[[Integers, Floats], float]) -> dict[str, float]:
        return bootstrap(metric, labels, p, resamples).to_json()

    groups = {}
    for name, keep in subgroups(cohort).items():
        inside = keep[rows]
        if min((labels[inside] == c).sum() for c in (0, 1)) >= SMALLEST_GROUP:
            groups[name] = bootstrap(auroc, labels, p, resamples, inside).to_json()
    covered, both = judged.covered[rows], judged.both[rows]
    threshold = float(labels.mean())
    return {
        "auroc": interval(auroc),
        "macro_f1": interval(lambda y, s: macro_f1(y, (s >= threshold).astype(np.int64))),
        "brier_skill": interval(brier_skill),
        "ece": interval(calibration_error),
        "coverage_no_pd": float(covered[labels == 0].mean()),
        "coverage_pd": float(covered[labels == 1].mean()),
        "both_classes_left": float(both.mean()),
        "risk_coverage": risk_coverage(labels, p, judged.width[rows], threshold=threshold),
        "subgroups_auroc": groups,
        "calibration_curve": calibration_curve(labels, p),
        "roc": roc(labels, p),
    }


def _grade_figures(judged: Judged, rows: Booleans) -> dict[str, Any]:
    cohort = judged.cohort
    grade = cohort.grade[rows]
    resamples = subject_resamples(cohort.subject[rows])
    result: dict[str, Any] = {}
    for name, values in (("hypomimia_index", judged.index), ("severity_expected", judged.grade)):
        score = values[rows]
        if not np.isfinite(score).all():
            continue
        for least in (1, 2, 3):
            labels = (grade >= least).astype(np.int64)
            if min(labels.sum(), len(labels) - labels.sum()) >= SMALLEST_GROUP:
                figure: Interval = bootstrap(auroc, labels, score, resamples)
                result[f"{name}_auroc_grade_{least}_or_more"] = figure.to_json()
        if name == "severity_expected":
            rounded = np.clip(np.round(score), 0, 4).astype(np.int64)
            result["quadratic_kappa"] = quadratic_kappa(grade, rounded, 5)
    return result


def subgroups(cohort: Cohort) -> dict[str, Booleans]:
    """Rows by age band, sex and protocol."""
    age = cohort.age
    groups = {
        "age below 60": age < 60,
        "age 60 to 69": (age >= 60) & (age < 70),
        "age 70 and above": age >= 70,
    }
    groups |= {f"sex {s}": cohort.sex == s for s in np.unique(cohort.sex) if s}
    groups |= {f"protocol {p}": cohort.protocol == p for p in np.unique(cohort.protocol) if p}
    return groups


def calibration_curve(labels: Integers, p: Floats, *, bins: int = 10) -> list[tuple[float, float]]:
    """(mean probability, share with PD) over bins of equal numbers of people."""
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return [(float(p[b].mean()), float(labels[b].mean())) for b in parts if len(b)]


def roc(labels: Integers, p: Floats) -> list[tuple[float, float]]:
    """(false positive rate, sensitivity) from strict to lax."""
    order = np.argsort(-p, kind="stable")
    hits, misses = np.cumsum(labels[order]), np.cumsum(1 - labels[order])
    step = max(1, len(order) // 200)
    points = zip(misses[::step] / misses[-1], hits[::step] / hits[-1], strict=True)
    return [(0.0, 0.0), *((float(x), float(y)) for x, y in points), (1.0, 1.0)]


def write(folder: Path, bundle: Bundle, found: dict[str, Any]) -> None:
    """``report.json``, ``report.md``, the bundle's card and, for PD labels, three plots."""
    folder.mkdir(parents=True, exist_ok=True)
    described = {"name": bundle.name, "version": bundle.version, "digest": bundle.digest}
    text = json.dumps({"bundle": described, **found}, indent=1)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    (folder / "card.md").write_text(bundle.card, encoding="utf-8")
    if "pd" in found:
        plot(folder / "plots.png", found["pd"])
    (folder / "report.md").write_text(page(bundle, found), encoding="utf-8")


def page(bundle: Bundle, found: dict[str, Any]) -> str:
    """The report in Markdown."""
    lines = [
        f"# {bundle.name} {bundle.version} on {found['subjects']} people",
        "",
        f"Bundle digest `{bundle.digest[:16]}…`; evaluated people's hash"
        f" `{found['split_hash'][:16]}…`, trained people's hash"
        f" `{bundle.metadata['training']['split_hash'][:16]}…`. Nobody may be in both: check it"
        " where the subjects are known. Research use, not a diagnosis.",
        "",
        f"Unscorable {found['unscorable']:.1%}, abstained {found['abstained']:.1%}.",
        "",
        "| figure | value |",
        "|---|---|",
    ]
    for part, name in (("pd", "PD yes or no"), ("grades", "grades")):
        if part not in found:
            lines.append(f"| {name} | not judged: needs at least two labels among scored people |")
        for name, value in found.get(part, {}).items():
            if name in ("roc", "calibration_curve", "risk_coverage", "subgroups_auroc"):
                continue
            lines.append(f"| {name.replace('_', ' ')} | {_shown(value)} |")
    if "pd" in found:
        lines += ["", "| subgroup | AUROC |", "|---|---|"]
        for name, value in found["pd"]["subgroups_auroc"].items():
            lines.append(f"| {name} | {_shown(value)} |")
        lines += ["", "| share scored | balanced error |", "|---|---|"]
        lines += [f"| {c:.0%} | {r:.3f} |" for c, r in found["pd"]["risk_coverage"]]
        lines += ["", "![ROC, calibration, risk–coverage](plots.png)"]
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    return f"{value:.3f}"


def plot(path: Path, found: dict[str, Any]) -> None:
    """ROC, calibration and risk–coverage beside each other."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3)
    curves = (
        (found["roc"], "1 − specificity", "sensitivity"),
        (found["calibration_curve"], "probability of PD given", "share with PD"),
        (found["risk_coverage"], "share scored", "balanced error"),
    )
    for panel, (points, across, up) in zip(panels, curves, strict=True):
        x, y = zip(*points, strict=True)
        panel.plot(x, y, marker="" if across == "1 − specificity" else "o", color="#1f5a7a")
        if up != "balanced error":
            panel.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--")
        panel.set_xlabel(across)
        panel.set_ylabel(up)
    figure.savefig(path, dpi=110)
