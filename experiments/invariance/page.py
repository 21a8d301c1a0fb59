"""The page: what deviates by how much, as two tables, and what is refused for which reason."""

from collections.abc import Iterator

from experiments.invariance.study import LEAST, PERFORMANCES, RATE, SECONDS, Found
from experiments.machine import processor, today
from ml.markdown import render
from ml.measuring.clip import measurer
from ml.measuring.geometry import SIGNALS

AIMS = {"mean": 0.02, "var": 0.10}


def page(found: Found, seconds: float) -> str:
    largest = _largest(found)
    return render(
        __file__,
        "page.md.j2",
        date=today(),
        processor=processor(),
        seconds=seconds,
        measurer=measurer(),
        performances=PERFORMANCES,
        film_seconds=SECONDS,
        rate=RATE,
        least=LEAST,
        aims=AIMS,
        signals=SIGNALS,
        largest=largest,
        refused=list(_refused(found)),
        missed={way: beyond for way, shares in largest.items() if (beyond := _beyond(shares))},
    )


def _largest(found: Found) -> dict[str, dict[str, float]]:
    """Of each way that was not refused: the largest deviation of the performances, by signal."""
    return {
        way: {
            name: max((one.shares[name] for one in deviations), key=abs)
            for name in deviations[0].shares
        }
        for way, deviations in found.items()
        if not any(one.reason for one in deviations)
    }


def _beyond(shares: dict[str, float]) -> list[tuple[str, float]]:
    """Those that miss their aim."""
    return [
        (name.replace("_", " "), share)
        for name, share in shares.items()
        if abs(share) > AIMS[name.rpartition("_")[2]]
    ]


def _refused(found: Found) -> Iterator[tuple[str, str, int, int, str]]:
    """Way, reason, how many of how many performances, and the first one's detail."""
    for way, deviations in found.items():
        for reason in sorted({one.reason for one in deviations if one.reason}):
            details = [one.detail for one in deviations if one.reason == reason]
            yield way, reason, len(details), len(deviations), details[0]
