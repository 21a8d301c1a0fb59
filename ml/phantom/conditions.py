"""Named ways to film the same phantom people, so that each difficulty is measured on its own."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ml.phantom.capture import Capture

# What each condition changes of an ordinary home recording.
CONDITIONS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "home": MappingProxyType({}),
        "dark": MappingProxyType({"light": 0.35, "noise": 6.0}),
        "noise": MappingProxyType({"noise": 12.0, "crf": 33}),
        "15fps": MappingProxyType({"fps": 15.0}),
        "dropped": MappingProxyType({"dropped": 0.25, "variable_rate": 0.15}),
    }
)


def apply(name: str, film: Capture) -> Capture:
    """``film`` under that condition. Raises KeyError for an unknown name."""
    changes = CONDITIONS[name]
    return replace(film, **changes)  # type: ignore[arg-type]
