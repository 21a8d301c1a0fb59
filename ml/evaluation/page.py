"""What an evaluation writes: ``report.json``, ``report.md``, ``predictions.csv``, plots, and the
bundle's card."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.cohort.table import UNKNOWN
from ml.evaluation.judge import SMALLEST_GROUP, Floats, Judged
from ml.intensity.sources import name_of
from ml.markdown import figure, render
from ml.scoring.bundle import Bundle
from ml.training.config import TrainingConfig

INK, PALE = "#1f5a7a", "#999999"
NAMES = {
    "auroc": "AUROC",
    "auroc_index": "AUROC of the hypomimia index alone",
    "difference_index": "AUROC, model − index, paired",
    "auroc_simple": "AUROC of logistic regression on the same folds",
    "difference_simple": "AUROC, model − logistic regression, paired",
    "auroc_within_protocols": "AUROC within protocols, mean (random effects)",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro-F1 (a constant answer: at most 0.5)",
    "brier": "Brier score",
    "brier_skill": "Brier skill (0: no better than the constant prevalence)",
    "ece": "calibration error (ECE)",
    "coverage_no_pd": "prediction sets that hold the truth, people without PD",
    "coverage_pd": "prediction sets that hold the truth, people with PD",
    "both_classes_left": "prediction sets that leave both open",
    "quadratic_kappa": "quadratic kappa of the expected grade, rounded",
}


@dataclass(frozen=True)
class Subject:
    """What was judged: ``about`` for the JSON; a training by ``folds``, or a bundle with its
    ``card``, which may not say whom it was trained on."""

    title: str
    about: dict[str, str]
    reads_curves: bool
    folds: int = 0
    card: str | None = None
    knows_its_people: bool = True


def bundle_judged(bundle: Bundle) -> Subject:
    return Subject(
        f"{bundle.name} {bundle.version}",
        {
            "name": bundle.name,
            "version": bundle.version,
            "digest": bundle.digest,
            "intensity_source": bundle.intensity_source,
        },
        reads_curves=bundle.diagnosis is not None,
        card=bundle.card,
        knows_its_people="people" in bundle.metadata["training"],
    )


def training_judged(config: TrainingConfig, folds: int) -> Subject:
    return Subject(
        f"The training of {config.name} {config.version}",
        {
            "name": config.name,
            "version": config.version,
            "nested_folds": str(folds),
            "intensity_source": name_of(config.intensity_source),
        },
        reads_curves=config.curves() is not None,
        folds=folds,
    )


def write(folder: Path, subject: Subject, judged: Judged, found: dict[str, Any]) -> None:
    """Everything in ``folder``; plots where there are PD labels."""
    folder.mkdir(parents=True, exist_ok=True)
    predictions(folder / "predictions.csv", judged)
    text = json.dumps({"judged": subject.about, **found}, indent=1, allow_nan=False)
    (folder / "report.json").write_text(text + "\n", encoding="utf-8")
    if subject.card is not None:
        (folder / "card.md").write_text(subject.card, encoding="utf-8")
    if "pd" in found:
        plot(folder / "plots.png", found["pd"])
    (folder / "report.md").write_text(page(subject, found), encoding="utf-8")


def page(subject: Subject, found: dict[str, Any]) -> str:
    """The report in Markdown."""
    return render(
        __file__,
        "report.md.j2",
        subject=subject,
        found=found,
        names=NAMES,
        grade_names={key: _grade_name(key) for key in found.get("grades", ())},
        smallest_group=SMALLEST_GROUP,
    )


def predictions(path: Path, judged: Judged) -> None:
    """A row for each visit that was judged, in the cohort's order; empty where nothing is known."""
    cohort = judged.cohort
    columns: dict[str, Sequence[object]] = {
        "row": [int(line) for line in cohort.line],
        "subject": [str(s) for s in cohort.subject],
        "split": [str(s) for s in cohort.split],
        "pd": ["" if v == UNKNOWN else int(v) for v in cohort.pd],
        "grade": ["" if v == UNKNOWN else int(v) for v in cohort.grade],
        "p_pd": _cells(judged.p_pd, 4),
        "p_pd_low": _cells(judged.low, 4),
        "p_pd_high": _cells(judged.high, 4),
        "hypomimia_index": _cells(judged.index, 2),
        "severity_expected": _cells(judged.grade, 3),
        "abstained": [str(why) for why in judged.abstained],
    }
    if judged.simple is not None:
        columns["p_pd_logistic_regression"] = _cells(judged.simple, 4)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _cells(values: Floats, decimals: int) -> list[object]:
    return [round(float(v), decimals) if np.isfinite(v) else "" for v in values]


def _grade_name(key: str) -> str:
    if key in NAMES:
        return NAMES[key]
    score, _, least = key.partition("_auroc_grade_")
    return f"AUROC of the {score.replace('_', ' ')}, grade ≥ {least[0]}"


def plot(path: Path, pd: dict[str, Any]) -> None:
    """ROC, calibration and risk–coverage beside each other, each on the same scales every time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(12, 4.3), layout="constrained")
    FigureCanvasAgg(sheet)
    left, middle, right = sheet.subplots(1, 3)
    left.plot(*zip(*pd["roc"], strict=True), color=INK)
    left.set(title=f"AUROC {figure(pd['auroc'])}", xlabel="1 − specificity", ylabel="sensitivity")
    given, seen, count = zip(*pd["calibration_curve"], strict=True)
    spread = [1.96 * (s * (1 - s) / n) ** 0.5 for s, n in zip(seen, count, strict=True)]
    middle.errorbar(given, seen, yerr=spread, fmt="o", color=INK, markersize=4, linewidth=1)
    middle.set(
        title=f"ECE {figure(pd['ece'])}",
        xlabel="probability of PD given (a dot: a tenth of the visits)",
        ylabel="share with PD",
    )
    share, error = zip(*pd["risk_coverage"], strict=True)
    right.plot(share, error, marker="o", color=INK)
    right.axhline(0.5, color=PALE, linewidth=0.8, linestyle="--")
    right.set(
        title="answering only the surest",
        xlabel="share answered",
        ylabel="balanced error (dashed: chance)",
        xlim=(1.03, min(share) - 0.03),
        ylim=(0, max(0.6, 1.08 * max(error))),
    )
    for panel in (left, middle):
        panel.plot([0, 1], [0, 1], color=PALE, linewidth=0.8, linestyle="--")
        panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    sheet.savefig(path, dpi=110)
