"""The signs that are measured: name, unit, what hypomimia does to it, and its words.

What computes a sign stands in ``ml``'s signs; a test holds that each entry is computed. Clinicians
read ``title``; patients read ``patient`` where a sign has such words, and a number nowhere else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

INTENSITY, RATE, SECONDS, SHARE, EYES = "intensity", "intensity/s", "s", "share", "eye distance"

#: What a masked face has of it beside a lively one; None where it does not tell.
Masked = Literal["less", "more"] | None


@dataclass(frozen=True)
class SignEntry:
    """``patient``: a value in words that judge nothing, to stand after *Measured:*; None where a
    patient is told nothing of it."""

    unit: str
    masked: Masked
    title: str
    patient: Callable[[float], str] | None = None


def _found(times: float) -> str:
    often = {0: "no clear movement was found", 1: "the movement was found once"}
    return often.get(round(times), f"the movement was found {round(times)} times")


def _blinks(rate: float) -> str:
    return f"about {round(rate)} blinks a minute"


#: Of a posed expression, in the order in which they are shown: how much moves, …
EXPRESSIVITY: Mapping[str, SignEntry] = MappingProxyType(
    {
        "peak": SignEntry(INTENSITY, "less", "Peak intensity"),
        "amplitude": SignEntry(INTENSITY, "less", "Amplitude over the clip’s calm"),
        "mean": SignEntry(INTENSITY, "less", "Mean intensity"),
        "area": SignEntry("intensity·s", "less", "Area under the curve"),
        "repetitions": SignEntry("count", None, "Repetitions found", patient=_found),
    }
)
#: … and how stiffly.
RIGIDITY: Mapping[str, SignEntry] = MappingProxyType(
    {
        "onset-latency": SignEntry(SECONDS, "more", "Onset latency from the prompt"),
        "rise-rate": SignEntry(RATE, "less", "Rise rate"),
        "decay-rate": SignEntry(RATE, "less", "Decay rate"),
        "mean-speed": SignEntry(RATE, "less", "Mean speed"),
        "plateau-jitter": SignEntry(INTENSITY, None, "Plateau jitter"),
        "asymmetry": SignEntry(SHARE, None, "Asymmetry (above 0: right moves less)"),
    }
)
#: Of the face at rest.
AT_REST: Mapping[str, SignEntry] = MappingProxyType(
    {
        "blink-rate": SignEntry("1/min", "less", "Blink rate", patient=_blinks),
        "lips-parted": SignEntry(SHARE, "more", "Lips parted, share of the time"),
        "tremor": SignEntry(EYES, None, "Jaw tremor, 3.5–7.5 Hz"),
    }
)

#: The seven signals of the public tables, in their order, each with its name for a person's eyes.
SIGNALS: Mapping[str, str] = MappingProxyType(
    {
        "eye-open-right": "Eye open right",
        "eye-open-left": "Eye open left",
        "eye-raise-right": "Eye raise right",
        "eye-raise-left": "Eye raise left",
        "mouth-open": "Mouth open",
        "mouth-width": "Mouth width",
        "jaw-open": "Jaw open",
    }
)
STATISTICS: Mapping[str, str] = MappingProxyType({"mean": "mean", "var": "variance"})


def _statistics() -> dict[str, SignEntry]:
    """Mean and variance of each signal over the clip. A masked face varies less in all; of the
    means it depends on the signal."""
    units: dict[str, tuple[str, Masked]] = {"mean": (EYES, None), "var": (f"{EYES}²", "less")}
    return {
        f"{signal}_{statistic}": SignEntry(*units[statistic], f"{title}, {words}")
        for signal, title in SIGNALS.items()
        for statistic, words in STATISTICS.items()
    }


SIGNAL_STATISTICS: Mapping[str, SignEntry] = MappingProxyType(_statistics())
SIGNS: Mapping[str, SignEntry] = MappingProxyType(
    {**EXPRESSIVITY, **RIGIDITY, **AT_REST, **SIGNAL_STATISTICS}
)


def patient_words(name: str, value: float | None) -> str | None:
    """What a patient reads of a sign; None where that is nothing."""
    entry = SIGNS.get(name)
    if entry is None or entry.patient is None or value is None:
        return None
    return entry.patient(value)
