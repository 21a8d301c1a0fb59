"""The headline figures: beside their aims on the results page, and on the bundle's card."""

import numpy as np

from experiments.public.comparisons import MethodRow
from experiments.public.findings import FUSION, Findings
from ml.metrics import Interval


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


def aims(found: Findings) -> str:
    """The section that holds every aim of the severity model against what was found."""
    fusion, within = _row(found, FUSION), found.within["rows"]
    over_svm, over_svm_home = _over_svm(fusion)
    plain = next(r for r in within if r.name == "plain norm index")
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
        (f"macro-F1 {fusion.macro_f1:.3f}, adaptive balancing − plain CE, each at its own best"
         " threshold", found.balance_gain, "–", "> 0", _verdict(found.balance_gain)),
    ]  # fmt: skip
    lines = ["## The aims", "", "| figure | found | to beat | aim | |", "|---|---|---|---|---|"]
    lines += [f"| {n} | {v} | {beat} | {aim} | {note} |" for n, v, beat, aim, note in rows]
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
