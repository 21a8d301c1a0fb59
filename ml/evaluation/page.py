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
    """What was judged: ``about`` for the JSON, ``how`` for the reader; no card of a training."""

    title: str
    how: str
    about: dict[str, str]
    card: str | None = None


def bundle_judged(bundle: Bundle) -> Subject:
    trained = bundle.metadata["training"]
    known = "people" in trained
    who = (
        "People it was trained on were left out."
        if known
        else "It does not say whom it was trained on: check that nobody is in both."
    )
    return Subject(
        f"{bundle.name} {bundle.version}",
        f"Bundle `{bundle.digest[:16]}…`, {_source(bundle.intensity_source, bundle.diagnosis)}."
        f" {who} Its threshold is the prevalence it was trained at.",
        {
            "name": bundle.name,
            "version": bundle.version,
            "digest": bundle.digest,
            "intensity_source": bundle.intensity_source,
        },
        bundle.card,
    )


def training_judged(config: TrainingConfig, folds: int) -> Subject:
    source = name_of(config.intensity_source)
    return Subject(
        f"The training of {config.name} {config.version}",
        f"Nested cross-validation: {folds} outer folds by subject,"
        f" {_source(source, config.curves())}. Norms, index, weights,"
        " calibration and prediction sets were learnt anew without the people they are judged on;"
        " rows of the test split had no part. A bundle of all these people is a further model,"
        " which these figures expect and do not measure.",
        {
            "name": config.name,
            "version": config.version,
            "nested_folds": str(folds),
            "intensity_source": source,
        },
    )


def _source(name: str, lstm: object) -> str:
    reads = "no curves enter it" if lstm is None else "its LSTM reads these curves"
    return f"intensity source {name} ({reads})"


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
    lines = [
        f"# {subject.title}: judged on {found['subjects']} people",
        "",
        f"{subject.how} Intervals: 95 %, bootstrap over people. Research use, not a diagnosis.",
        "",
        f"Judged: {found['split']}. {found['rows']} visits, people's hash"
        f" `{found['split_hash'][:16]}…`; {found['unscorable']:.1%} could not be scored,"
        f" {found['abstained']:.1%} abstained{_reasons(found['abstentions'])}. Each"
        " visit's numbers: [predictions.csv](predictions.csv).",
    ]
    lines += _pd_part(found["pd"]) if "pd" in found else _not_judged("PD, yes or no")
    lines += _grade_part(found["grades"]) if "grades" in found else _not_judged("Grades")
    if subject.card is not None:
        lines += ["", "What the model is for, and its limits: [card.md](card.md)."]
    return "\n".join(lines) + "\n"


def _reasons(counts: dict[str, int]) -> str:
    listed = ", ".join(f"{number} {reason}" for reason, number in counts.items())
    return f" ({listed})" if listed else ""


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


def _not_judged(what: str) -> list[str]:
    return ["", f"## {what}", "", "Not judged: no two labels among the people scored."]


def _pd_part(pd: dict[str, Any]) -> list[str]:
    lines = [
        "",
        "## PD, yes or no",
        "",
        f"{pd['people_with_pd']} people with PD ({pd['with_pd']} visits), {pd['people_without_pd']}"
        f" without ({pd['without_pd']} visits). Thresholded figures use a"
        f" probability of {pd['threshold']:.2f}.",
        "",
        "| figure | value |",
        "|---|---|",
        *(f"| {NAMES[key]} | {_shown(pd[key])} |" for key in NAMES if key in pd),
        "",
        "### Sensitivity and specificity",
        "",
        "Thresholds that nobody judged here has chosen.",
        "",
        "| probability of PD, at least | sensitivity | specificity |",
        "|---|---|---|",
        *(
            f"| {at['threshold']:.2f} | {_shown(at['sensitivity'])} | {_shown(at['specificity'])} |"
            for at in pd["at_thresholds"]
        ),
        "",
        "### By group",
        "",
    ]
    if pd["subgroups"]:
        lines += ["| group | visits with PD | without | AUROC | mean probability | share with PD |",
                  "|---|---|---|---|---|---|"]  # fmt: skip
        lines += [
            f"| {name} | {g['with_pd']} | {g['without_pd']} | {_shown(g['auroc'])}"
            f" | {g['mean_probability']:.2f} | {g['share_with_pd']:.2f} |"
            for name, g in pd["subgroups"].items()
        ]
    else:
        lines += [f"No group by age, sex or protocol has {SMALLEST_GROUP} visits of each label."]
    lines += ["", "### If the least certain are not answered", ""]
    lines += ["| share answered | balanced error |", "|---|---|"]
    lines += [f"| {c:.0%} | {r:.3f} |" for c, r in pd["risk_coverage"]]
    return [*lines, "", "![ROC, calibration, risk–coverage](plots.png)"]


def _grade_part(grades: dict[str, Any]) -> list[str]:
    rows = [f"| {_grade_name(key)} | {_shown(value)} |" for key, value in grades.items()]
    if not rows:
        few = f"Too few: no threshold has {SMALLEST_GROUP} visits on each side."
        return ["", "## Clinicians' grades", "", few]
    return ["", "## Clinicians' grades", "", "| figure | value |", "|---|---|", *rows]


def _grade_name(key: str) -> str:
    if key in NAMES:
        return NAMES[key]
    score, _, least = key.partition("_auroc_grade_")
    return f"AUROC of the {score.replace('_', ' ')}, grade ≥ {least[0]}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    return f"{value:.3f}"


def plot(path: Path, pd: dict[str, Any]) -> None:
    """ROC, calibration and risk–coverage beside each other, each on the same scales every time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.3), layout="constrained")
    FigureCanvasAgg(figure)
    left, middle, right = figure.subplots(1, 3)
    left.plot(*zip(*pd["roc"], strict=True), color=INK)
    left.set(title=f"AUROC {_shown(pd['auroc'])}", xlabel="1 − specificity", ylabel="sensitivity")
    given, seen, count = zip(*pd["calibration_curve"], strict=True)
    spread = [1.96 * (s * (1 - s) / n) ** 0.5 for s, n in zip(seen, count, strict=True)]
    middle.errorbar(given, seen, yerr=spread, fmt="o", color=INK, markersize=4, linewidth=1)
    middle.set(
        title=f"ECE {_shown(pd['ece'])}",
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
    figure.savefig(path, dpi=110)
