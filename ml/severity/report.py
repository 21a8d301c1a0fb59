"""``docs/results.md`` worded from computed findings: tables, and one plain sentence per aim."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from ml.evaluate import Interval
from ml.public_data import PublicData
from ml.severity.results import FUSION, SVM, Findings
from ml.severity.tables import MethodRow, WithinProtocol

# A smaller drop of the balanced error than this is not called one.
WORTH_ABSTAINING = 0.02


def markdown(found: Findings, data: PublicData, *, command: str, seconds: float) -> str:
    """The whole page."""
    parts = [
        _head(found, data, command, seconds),
        _aims(found),
        _methods(found),
        _ablation(found),
        _calibration(found),
        _groups(found),
        _transfer(found),
        _official(found),
        _within(found),
        _elsewhere(found),
    ]
    return "\n\n".join(parts) + "\n"


def _head(found: Findings, data: PublicData, command: str, seconds: float) -> str:
    cohort = found.study.cohort
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"""# Results

Written by `{command}` on {when}, {platform.machine()}, {platform.processor() or platform.system()},
Python {platform.python_version()}, in {seconds / 60:.0f} min (cross-validated scores of the same
code and data are read from `var/results` where a run left them). Do not edit by hand.

Public data only: smile-disgust-surprise ({len(cohort)} people with a usable expression,
{int(cohort.pd.sum())} with PD; `{data.three.sha256[:16]}`) and smile ({len(data.smile)} sessions,
`{data.smile.sha256[:16]}`). Splits are by subject: {found.repeats[0]} × 5-fold StratifiedGroupKFold
({found.repeats[1]} × 5 for the ablation), norms, choices, calibration and thresholds inside the
training folds. Brackets are 95 % bootstrap intervals over subjects; a figure is the mean over
repeats. No model sees protocol, age or sex. Recruitment protocol alone separates PD with AUROC
0.80 in these cohorts, so the columns *home* and *clinic* (within one protocol) say more than
*pooled*. Research use: none of this is a diagnosis."""


def _row(found: Findings, name: str) -> MethodRow:
    return next(row for row in found.methods if row.name == name)


def _reached(figure: Interval, aim: float) -> str:
    if figure.value >= aim:
        return "reached"
    return f"missed by {aim - figure.value:.3f}"


def _over_svm(fusion: MethodRow) -> tuple[Interval, Interval]:
    if fusion.against is None or fusion.against_home is None:
        raise ValueError("the fusion was not compared with the SVM")
    return fusion.against, fusion.against_home


def _verdict(interval: Interval) -> str:
    if interval.low > 0:
        return "above 0"
    return "below 0" if interval.high < 0 else "its interval holds 0: no difference shown"


def _aims(found: Findings) -> str:
    fusion, within = _row(found, FUSION), found.within["rows"]
    over_svm, over_svm_home = _over_svm(fusion)
    plain = next(r for r in within if r.name == "plain norm index")
    ce = next(r for r in found.ablation if r.name == "balance: plain CE")
    adaptive = next(r for r in found.ablation if r.name == "balance: adaptive")
    gain = (adaptive.macro_f1 or 0.0) - (ce.macro_f1 or 0.0)
    adaptive_note = "reached" if gain > 0 else f"missed: {gain:+.3f}"
    rows = [
        ("fusion AUROC, pooled", fusion.pooled, "0.753", "0.78", _reached(fusion.pooled, 0.78)),
        ("fusion AUROC, within home", fusion.home, "0.707", "0.73", _reached(fusion.home, 0.73)),
        ("fusion − RBF SVM, pooled", over_svm, "–", "> 0", _verdict(over_svm)),
        ("fusion − RBF SVM, home", over_svm_home, "–", "> 0", _verdict(over_svm_home)),
        (f"fusion − best single ({found.best_single}), pooled", found.over_single[0], "–", "> 0",
         _verdict(found.over_single[0])),
        ("the same, home", found.over_single[1], "–", "> 0", _verdict(found.over_single[1])),
        ("official smile split", found.official["methods"]["fusion, smile only"], "0.67", "0.70",
         _reached(found.official["methods"]["fusion, smile only"], 0.70)),
    ]  # fmt: skip
    lines = ["## The aims", "", "| figure | found | to beat | aim | |", "|---|---|---|---|---|"]
    lines += [f"| {n} | {v} | {beat} | {aim} | {note} |" for n, v, beat, aim, note in rows]
    lines.append(
        f"| macro-F1, adaptive − plain CE (one member per fold) |"
        f" {adaptive.macro_f1:.3f} − {ce.macro_f1:.3f} | – | higher | {adaptive_note} |"
    )
    lines.append(
        f"| ECE / Brier skill of the fusion after calibration | {fusion.ece:.3f} /"
        f" {fusion.brier_skill:.3f} | – | ≤ 0.05 / > 0 | |"
    )
    for row in within:
        if row is not plain:
            difference = found.within["differences"][row.name]
            lines.append(
                f"| {row.name} − plain norm index, within protocols | {difference} | 0 | > 0 |"
                f" {_verdict(difference)} |"
            )
    return "\n".join(lines)


def _methods(found: Findings) -> str:
    lines = [
        "## Three expressions: every method under the same splits",
        "",
        "| method | pooled | home | clinic | − SVM, pooled | − SVM, home | macro-F1 | balanced"
        " accuracy | Brier skill | ECE |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_method_line(row) for row in found.methods]
    chosen = {kind: found.chosen.count(kind) for kind in sorted(set(found.chosen))}
    picks = ", ".join(f"{kind} in {count} folds" for kind, count in chosen.items())
    lines += ["", f"Chosen inside the folds: {picks}. `{SVM}` is METHOD's baseline (standardised"
              " means and log-variances, C = 1, balanced)."]  # fmt: skip
    return "\n".join(lines)


def _method_line(row: MethodRow) -> str:
    cells: Sequence[object] = (
        row.name, row.pooled, row.home, row.clinic, row.against or "–", row.against_home or "–",
        *(f"{v:.3f}" if v is not None else "–"
          for v in (row.macro_f1, row.balanced_accuracy, row.brier_skill, row.ece)),
    )  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _ablation(found: Findings) -> str:
    lines = [
        "## Ablation",
        "",
        "One member per inner fold instead of three, compared with plain cross-entropy under the"
        " same splits. Adaptive balancing has three terms (class distribution, class difficulty,"
        " sample difficulty); each is switched off in turn; its relatives follow. `fusion:` and"
        " `tokens:` rows use adaptive balancing.",
        "",
        "| variant | pooled | home | − plain CE, pooled | − plain CE, home | macro-F1 | Brier"
        " skill | ECE |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in found.ablation:
        figures = [row.macro_f1, row.brier_skill, row.ece]
        cells = [row.name, row.pooled, row.home, row.against or "–", row.against_home or "–"]
        tail = [f"{v:.3f}" if v is not None else "–" for v in figures]
        lines.append("| " + " | ".join([*map(str, cells), *tail]) + " |")
    return "\n".join(lines)


def _calibration(found: Findings) -> str:
    lines = [
        "## Prediction sets and abstention",
        "",
        "Cross-conformal by subject, apart for each class, α = 0.1: coverage should be at least"
        " 0.9 overall; within a protocol nothing guarantees it, because recruitment shifts the"
        " scores.",
        "",
        "| people | coverage, no PD | coverage, PD | both classes left | none left |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['group']} | {row['no PD']:.3f} | {row['PD']:.3f} | {row['both']:.3f} |"
        f" {row['neither']:.3f} |"
        for row in found.sets
    ]
    lines += [
        "",
        "Balanced error when the most uncertain people are left unscored, by how much the members"
        " disagree (what a bundle abstains on) and by how near the probability is to the training"
        " prevalence:",
        "",
        "| share scored | " + " | ".join(found.risk) + " |",
        "|---|" + "---|" * len(found.risk),
    ]
    for rows in zip(*found.risk.values(), strict=True):
        lines.append(
            f"| {rows[0][0]:.0%} | " + " | ".join(f"{risk:.3f}" for _, risk in rows) + " |"
        )
    return "\n".join([*lines, "", abstention_words(found)])


def abstention_words(found: Findings) -> str:
    """What leaving people out by the members' disagreement did to the error, plainly."""
    (_, everybody), *others = found.risk["members disagree"]
    errors = [error for _, error in others]
    span = (
        f"balanced error {everybody:.3f} with everybody scored, {min(errors):.3f} to"
        f" {max(errors):.3f} with {others[0][0]:.0%} to {others[-1][0]:.0%} scored"
    )
    what = "Abstaining where the members disagree (`model_uncertain`)"
    if everybody - min(errors) >= WORTH_ABSTAINING:
        return f"{what} lowered the error: {span}."
    return (
        f"{what} did not lower the error: {span}. A result without that mark is not shown to be"
        " more reliable than one with it. Leaving out the people near the training prevalence does"
        " lower the error, but no bundle abstains for that: it only says that a probability near"
        " the border decides little."
    )


def _groups(found: Findings) -> str:
    lines = [
        "## Subgroups (fusion)",
        "",
        "Fairness over real skin tones is unknown: the public tables do not hold it.",
        "",
        "| group | with PD | without | AUROC |",
        "|---|---|---|---|",
    ]
    lines += [f"| {name} | {pd} | {no} | {figure} |" for name, pd, no, figure in found.groups]
    return "\n".join(lines)


def _transfer(found: Findings) -> str:
    lines = [
        "## Across protocols",
        "",
        "Trained in one protocol and tested in the other. Near 0.5 means that what was learnt does"
        " not travel; the pooled figures above must be read in that light.",
        "",
        "| direction | fusion | RBF SVM |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {fusion:.3f} | {svm:.3f} |" for name, fusion, svm in found.transfer]
    return "\n".join(lines)


def _official(found: Findings) -> str:
    facts = found.official
    lines = [
        "## Official smile split",
        "",
        f"{facts['train_sessions']} training sessions (train and dev), {facts['test_sessions']}"
        f" test sessions ({facts['test_pd']} with PD); test subjects are in no training, norm or"
        " calibration step.",
        "",
        "| method | AUROC |",
        "|---|---|",
    ]
    lines += [f"| {name} | {figure} |" for name, figure in facts["methods"].items()]
    lines += ["", f"Fusion − RBF SVM: {facts['difference']}."]
    return "\n".join(lines)


def _within(found: Findings) -> str:
    rows: list[WithinProtocol] = found.within["rows"]
    names = [group.name for group in rows[0].groups]
    lines = [
        "## Index and grades within protocols (smile table)",
        "",
        "AUROC for PD inside each protocol with at least 40 of each class, and their random-effects"
        " mean. The plain norm index uses no PD label beyond the norms (people without PD). The"
        " hypomimia index's weights were chosen with an eye on these protocols (each left out in"
        " turn). Grades are learnt from drawn people only, but on the lack of movement as the index"
        " reads it; for a smile alone they rank as the index does. So only the first row is"
        " independent of these people.",
        "",
        "| score | mean | " + " | ".join(names) + " |",
        "|---|---|" + "---|" * len(names),
    ]
    for row in rows:
        cells = " | ".join(f"{group.auroc:.3f}" for group in row.groups)
        lines.append(f"| {row.name} | {row.mean} | {cells} |")
    differences = found.within["differences"]
    lines += ["", "Minus the plain norm index, paired bootstrap: "]
    lines[-1] += "; ".join(f"{name} {interval}" for name, interval in differences.items()) + "."
    sizes = ", ".join(f"{g.name} {g.positive} / {g.negative}" for g in rows[0].groups)
    lines.append(f"With / without PD: {sizes}.")
    return "\n".join(lines)


def _elsewhere(found: Findings) -> str:
    lines = [
        "## Measured another way",
        "",
        "The same sessions, as another study's extraction might have given them; norms and weights"
        " as shipped. Mean AUROC within protocols. For a smile alone the expected grade ranks as"
        " the hypomimia index does, so these rows hold for both.",
        "",
        "| way | plain norm index | hypomimia index | difference |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.way} | {row.plain:.3f} | {row.index:.3f} | {row.difference} |"
        for row in found.elsewhere
    ]
    return "\n".join(lines)


def figures_for_card(found: Findings) -> dict[str, object]:
    """The headline figures that a bundle carries."""
    fusion = _row(found, FUSION)
    over_svm, over_svm_home = _over_svm(fusion)
    return {
        "auroc_pooled": fusion.pooled.to_json(),
        "auroc_home": fusion.home.to_json(),
        "minus_svm_pooled": over_svm.to_json(),
        "minus_svm_home": over_svm_home.to_json(),
        "brier_skill": round(float(fusion.brier_skill or np.nan), 4),
        "ece": round(float(fusion.ece or np.nan), 4),
        "official_smile_auroc_of_a_smile_only_model_trained_for_it": found.official["methods"][
            "fusion, smile only"
        ].to_json(),
        "expected_grade_within_protocols": found.within["rows"][2].mean.to_json(),
        "hypomimia_index_within_protocols": found.within["rows"][1].mean.to_json(),
        "plain_norm_index_within_protocols": found.within["rows"][0].mean.to_json(),
    }
