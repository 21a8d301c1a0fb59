"""What the LSTM reads of a session beside curves: signs that no posed expression shows."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ml.measuring.measurement import Measurement
from ml.signs.signs import at_rest, blinking
from vocabulary.expressions import Expression
from vocabulary.signs import AT_REST

# What the item's text begins with and no curve of a posed expression shows.
SIGNS = tuple(AT_REST)


def session_signs(
    measured: Mapping[str, Measurement], names: Sequence[str]
) -> npt.NDArray[np.float32]:
    """(S,) of ``SIGNS`` by name, NaN where unknown: lips and tremor of the rest clip, the blink
    rate over all usable clips, because ten seconds hold two or three blinks."""
    usable = {e: m for e, m in measured.items() if m.state == "measured"}
    found: dict[str, float | None] = {}
    if Expression.REST in usable:
        found |= {sign.name: sign.value for sign in at_rest(usable[Expression.REST])}
    blinked = [b for b in map(blinking, usable.values()) if b is not None]
    if blinked:
        found["blink-rate"] = 60 * sum(n for n, _ in blinked) / sum(s for _, s in blinked)
    values = [found.get(name) for name in names]
    return np.array([np.nan if value is None else value for value in values], np.float32)
