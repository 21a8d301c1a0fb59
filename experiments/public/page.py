"""``docs/results.md`` worded from computed findings."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from experiments.public.aims import aims
from experiments.public.comparisons import MethodRow, WithinProtocol
from experiments.public.findings import SVM, Findings
from ml.cohort.public_data import PublicData

# A smaller drop of the balanced error than this is not called one.
WORTH_ABSTAINING = 0.02


def markdown(found: Findings, data: PublicData, *, command: str, seconds: float) -> str:
    """The whole page."""
    parts = [
        _head(found, data, command, seconds),
        aims(found),
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
*pooled*. Research use: none of this is a diagnosis.

Figures on drawn people, whose truth is known: [results-phantom.md](results-phantom.md)."""


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
    lines += [
        "",
        f"Chosen inside the folds: {picks}. `{SVM}` is METHOD's baseline (standardised means and"
        " log-variances, C = 1, balanced). An SVM on the whitened scores, which are what the fusion"
        " reads, shows how much of the gain lies in these scores. The attempt is not shipped: an"
        " SVM carries its support vectors, which are people's rows.",
    ]
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
    lines += [
        "",
        f"Fusion − RBF SVM: {facts['difference']}. The test people had been seen before the"
        " attempts were made; cross-validated on the training people none of them was better than"
        " the plain fusion by more than the noise, so none was taken.",
    ]
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
