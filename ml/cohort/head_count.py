"""What is said of a cohort before it is trained on, and on the card after: how many people it has,
and what they lack."""

from collections.abc import Sequence

import numpy as np

from ml.cohort.copies import said_of_rows
from ml.cohort.table import Cohort
from ml.features import columns_of
from vocabulary.expressions import Expression


def head_count(cohort: Cohort) -> dict[str, int]:
    """People, those with PD in any of their rows, and rows where somebody has several."""
    with_pd = cohort.pd == 1
    counts = {
        "subjects": len(set(cohort.subject)),
        "pd": len(set(cohort.subject[with_pd])),
    }
    if counts["subjects"] < len(cohort):
        counts |= {"rows": len(cohort), "rows_pd": int(with_pd.sum())}
    return counts


def columns_left(cohort: Cohort) -> list[str]:
    """What the card says of a table's columns that nothing was learnt from."""
    if cohort.read is None:
        return []
    near = [f"named nearly like ours and not read, as asked: {one}" for one in cohort.read.near]
    return [*near, f"columns not read: {', '.join(cohort.read.ignored) or 'none'}"]


def entered_twice(cohort: Cohort) -> list[str]:
    """A sentence where rows have all the numbers of an earlier one."""
    said = said_of_rows(cohort.records(), cohort.line.tolist())
    return [said] if said else []


def lacks(cohort: Cohort, expressions: Sequence[str]) -> list[str]:
    """What these rows do not have of what is fused, each a sentence for the screen and the card:
    features that nobody has, expressions that some lack, and clips at rest (of clips alone)."""
    found = []
    usable_at = dict(zip(cohort.columns, np.isfinite(cohort.values).any(axis=0), strict=True))
    for expression in expressions:
        names = columns_of(expression)
        missing = [name for name in names if not usable_at.get(name, False)]
        if missing:
            shown = ", ".join(missing[:3]) + (" and others" if len(missing) > 3 else "")
            found.append(f"{expression}: nobody has {len(missing)} of {len(names)}: {shown}")
    present = np.isfinite(cohort.tokens(expressions)).any(axis=-1)
    for expression, there in zip(expressions, present.T, strict=True):
        if not there.all():
            found.append(f"{expression}: missing in {int((~there).sum())} of {len(cohort)} rows")
    posed = set(expressions) - {Expression.FREE}
    if cohort.read is None and posed and Expression.REST not in expressions:
        at_rest = np.isfinite(cohort.tokens((Expression.REST,))).any(axis=(1, 2))
        if not at_rest.all():
            found.append(
                f"rest: no clip in {int((~at_rest).sum())} of {len(cohort)} visits, whose intensity"
                " curves begin at no zero of their own"
            )
    return found
