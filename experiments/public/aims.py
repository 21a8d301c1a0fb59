"""The headline figures: beside their aims on the results page, and on the bundle's card."""

import numpy as np

from experiments.public.comparisons import INDEX, MethodRow
from experiments.public.findings import FUSION, Findings
from ml.metrics import Interval


def row_of(found: Findings, name: str) -> MethodRow:
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


Aim = tuple[str, Interval, str, str, str]


def aims(found: Findings) -> list[Aim]:
    """Every aim of the severity model: what it is of, what was found, what there was to beat, the
    aim, and whether it was reached."""
    fusion = row_of(found, FUSION)
    over_svm, over_svm_home = _over_svm(fusion)
    smile = found.official["methods"]["fusion, smile only"]
    over_single, over_single_home = found.over_single
    return [
        ("fusion AUROC, pooled", fusion.pooled, "0.753", "0.78", _reached(fusion.pooled, 0.78)),
        ("fusion AUROC, within home", fusion.home, "0.707", "0.73", _reached(fusion.home, 0.73)),
        _above_zero("fusion − RBF SVM, pooled", over_svm),
        _above_zero("fusion − RBF SVM, home", over_svm_home),
        _above_zero(f"fusion − best single ({found.best_single}), pooled", over_single),
        _above_zero("the same, home", over_single_home),
        ("official smile split", smile, "0.67", "0.70", _reached(smile, 0.70)),
        _above_zero(
            f"macro-F1 {fusion.macro_f1:.3f}, adaptive balancing − plain CE, each at its own best"
            " threshold",
            found.balancing.macro_f1,
        ),
        _no_worse("Brier skill, the same", found.balancing.brier_skill, "≥ 0"),
        _no_worse("calibration error (ECE), the same", found.balancing.ece, "≤ 0"),
    ]


def _above_zero(name: str, difference: Interval) -> Aim:
    return name, difference, "–", "> 0", _verdict(difference)


def _no_worse(name: str, difference: Interval, aim: str) -> Aim:
    return name, difference, "–", aim, _verdict(difference)


def above_plain(found: Findings) -> tuple[Interval, str]:
    """The hypomimia index within protocols, minus the plain norm index, and what is shown by that.
    The expected grade ranks smiles as the index does: it is no second result."""
    difference = found.within["differences"][INDEX]
    return difference, _verdict(difference)


def figures_for_card(found: Findings) -> dict[str, object]:
    """The headline figures that a bundle carries."""
    fusion = row_of(found, FUSION)
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
        "hypomimia_index_within_protocols": found.within["rows"][1].mean.to_json(),
        "plain_norm_index_within_protocols": found.within["rows"][0].mean.to_json(),
    }
