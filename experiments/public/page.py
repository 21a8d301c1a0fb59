"""``docs/results.md`` worded from computed findings."""

import platform
from datetime import UTC, datetime

from experiments.public.aims import above_plain, aims, row_of
from experiments.public.findings import FUSION, SVM, Findings
from experiments.public.tables import PublicData
from ml.markdown import render

# A smaller drop of the balanced error than this is not called one.
WORTH_ABSTAINING = 0.02


def markdown(found: Findings, data: PublicData, *, command: str, seconds: float) -> str:
    """The whole page."""
    curves = list(found.risk.values())
    return render(
        __file__,
        "page.md.j2",
        found=found,
        data=data,
        cohort=found.study.cohort,
        command=command,
        when=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        machine=platform.machine(),
        system=platform.processor() or platform.system(),
        python=platform.python_version(),
        seconds=seconds,
        aims=aims(found),
        above_plain=above_plain(found),
        fusion=row_of(found, FUSION),
        svm=SVM,
        chosen={kind: found.chosen.count(kind) for kind in sorted(set(found.chosen))},
        risk=[
            (points[0][0], [error for _, error in points]) for points in zip(*curves, strict=True)
        ],
        abstention=abstention_words(found),
    )


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
