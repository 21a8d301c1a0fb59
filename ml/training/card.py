"""A bundle's card: what TRIPOD+AI asks of a model report, in the words of its own metadata."""

from collections.abc import Mapping
from typing import Any

from ml.intensity.sources import kind_of
from ml.markdown import render
from ml.scoring.fusion import FUSIONS, Fusion
from vocabulary.travel import Travel

INTENDED_USE = (
    "Research. Screening support for reduced facial movement (hypomimia) from short clips of posed"
    " expressions recorded at home. Not a diagnosis, not a medical device, not for emergency or"
    " treatment decisions."
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
    """Markdown of the card. Raises :class:`jinja2.UndefinedError` where the metadata lack what it
    says of every bundle."""
    given = sorted((metadata.get("figures") or {}).items())
    return render(
        __file__,
        "card.md.j2",
        name=name,
        version=version,
        metadata=metadata,
        words=FUSIONS[Fusion(metadata["fusion"])].words,
        curves=kind_of(metadata["intensity_source"]).code.MADE,
        figures={label(key): value for key, value in given},
        worth=worth(metadata.get("travel")),
    )


def label(key: str) -> str:
    """A figure's key as words."""
    words = key.replace("_", " ").replace("auroc", "AUROC").replace("svm", "SVM")
    return "ECE" if words == "ece" else words


def worth(found: Travel | None) -> str:
    """What the probability of PD is worth outside the bundle's data, to go on after its name."""
    made = (
        ()
        if found is None
        else (
            ("people it has not seen", found.get("off_table")),
            ("protocols that were left out", found.get("protocols")),
        )
    )
    figures = "; ".join(
        f"{who}, {one['people']} people: AUROC {one['p_pd']:.3f}, index {one['index']:.3f},"
        f" difference {one['difference'][0]:.3f}"
        f" [{one['difference'][1]:.3f}, {one['difference'][2]:.3f}]"
        for who, one in made
        if one is not None
    )
    if not figures:
        return (
            "is shown to nobody by default: what it is worth outside the data that it was trained"
            " on was not measured."
        )
    if found is not None and found["holds"]:
        return f"ranks better than the bundle's own index outside its data ({figures})."
    return (
        "is shown to nobody by default: it does not rank better, beyond chance, than the bundle's"
        f" own index outside its data ({figures})."
    )
