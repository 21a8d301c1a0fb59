"""A bundle's card: what TRIPOD+AI asks of a model report, in the words of its own metadata."""

from collections.abc import Mapping
from typing import Any

from ml.intensity.sources import kind_of
from ml.scoring.fusion import FUSIONS, Fusion

INTENDED_USE = (
    "Research. Screening support for reduced facial movement (hypomimia) from short clips of posed"
    " expressions recorded at home. Not a diagnosis, not a medical device, not for emergency or"
    " treatment decisions."
)
LIMITS = (
    "Trained on two recruitment streams whose protocol alone separates PD from not (AUROC 0.80)."
    " Trained in one stream it does not carry over to the other: read the probability beside the"
    " within-home figure, never the pooled one alone.",
    "Volunteers with a webcam; age differs between the classes (age alone separates them about as"
    " well). Skin tone, glasses, beards, palsy, stroke, botulinum and depression are not recorded"
    " in the data, so their effect is unknown.",
    "Smile, disgust and surprise only. Other expressions do not enter; fewer than two of the three"
    " make it abstain.",
    "Grades come from drawn faces only. No clinician's grade has been seen. They are experimental,"
    " for clinicians, and hidden from patients. They read the lack of movement as the hypomimia"
    " index does; for one expression alone they rank people exactly as it does.",
    "Norms hold for clips of about 10 s, three repetitions alternating with neutral, 640 × 480,"
    " measured with FaceMesh in static mode.",
)


# What holds for every bundle trained on a cohort of one's own.
OWN_LIMITS = (
    "Judged only by `python -m ml evaluate` on people of a cohort; whether it carries over to other"
    " recruitment, cameras or clinics is unknown until it was tested there.",
    "Age, sex, skin tone, glasses, beards, palsy, stroke, botulinum and depression enter only as"
    " far as the cohort's people differ in them.",
    "`model_uncertain` (the members disagree): on the public data abstaining for it did not lower"
    " the error.",
)


def card(name: str, version: str, metadata: Mapping[str, Any]) -> str:
    """Markdown of the card."""
    training = metadata["training"]
    sources = "\n".join(
        f"- {s['name']} ({s['licence']}): {s['used_for']}; SHA-256 `{s['sha256'][:16]}…`"
        for s in metadata["sources"]
    )
    figures = metadata.get("figures") or {}
    lines = "\n".join(f"| {label(key)} | {show(value)} |" for key, value in sorted(figures.items()))
    table = f"| figure | value |\n|---|---|\n{lines}" if lines else "Not evaluated yet."
    limits = "\n".join(f"- {limit}" for limit in metadata["limits"])
    kind = Fusion(metadata["fusion"])
    words = FUSIONS[kind].words
    licences = ", ".join(dict.fromkeys(s["licence"] for s in metadata["sources"]))
    grades = metadata.get("grades")
    graded = "none" if grades is None else f"{grades['what']}; {grades['grades']}"
    return f"""# {name} {version}

**Intended use.** {metadata["intended_use"]}

**What it is.** {words} (`{kind}`) over expressions (one token of seven signals' means and
variances each, as normal scores against people without PD), an ensemble of small cross-fitted
members ({metadata["parameters"]} numbers in all), {metadata["balance"]} class balancing,
calibrated per set of expressions, cross-conformal prediction sets. A re-implementation from the
abstract of arXiv 2510.17373, not a reproduction. Predictors: {predictors(metadata)}

**Outcome.** Parkinson's disease yes/no as reported by participants or their clinic. Grades:
{graded}.

**Data.**
{sources}

Trained on {training["subjects"]} people, {training["pd"]} with PD{rows(training)} (prevalence
{metadata["prevalence"]:.3f}); split hash `{training["split_hash"][:16]}…`. {training["excluded"]}
Missing expressions are masked, never filled in; rows without any are left out.
{lacking(training)}
**Figures** ({metadata.get("evaluated", "not evaluated")})

{table}

Subgroups by age, sex and protocol, calibration, abstention and every comparison:
{metadata["details"]}.

**Known failures and limits.**
{limits}

**Fairness.** Subgroup figures by age and sex: {metadata["details"]}; fairness over real skin
tones is unknown.

**How to reproduce.** `{metadata["command"]}`; the seeds are in `bundle.json`.

**Licence.** As the data it was learnt from: {licences}. It holds weights and quantile tables, no
row of anybody's data.
"""


def rows(training: Mapping[str, Any]) -> str:
    """The rows beside the people, where they are not as many."""
    if "rows" not in training:
        return ""
    return f", in {training['rows']} rows, {training['rows_pd']} of them with PD"


def lacking(training: Mapping[str, Any]) -> str:
    """What the people trained on did not have; nothing where a bundle does not say."""
    lines = [f"- {line}" for line in (*training.get("lacks", ()), *training.get("columns", ()))]
    return "\n".join(("\n**What was missing.**", *lines, "")) if lines else ""


def predictors(metadata: Mapping[str, Any]) -> str:
    """What the probability is computed from, and whether intensity curves are part of it."""
    source, found = metadata["intensity_source"], metadata.get("diagnosis")
    never = "never age, sex\nor protocol."
    if found is None:
        beside = f"Intensity curves shown beside it: the {source} source."
        return f"facial geometry only; {never} {beside}"
    made = kind_of(source).code.MADE
    return (
        f"facial geometry, and intensity curves\n{made} (the {source} source); {never}\n"
        f"An LSTM reads these curves ({found['network']['units']} units, AUROC out of fold"
        f" {found['auroc_out_of_fold']:.3f} by itself);\nits last state is one more token of the"
        " fusion, masked where there are no curves."
    )


def label(key: str) -> str:
    """A figure's key as words."""
    words = key.replace("_", " ").replace("auroc", "AUROC").replace("svm", "SVM")
    return "ECE" if words == "ece" else words


def show(value: Any) -> str:
    """An interval as value [low, high]; a number with three places."""
    if isinstance(value, Mapping) and "low" in value:
        return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
