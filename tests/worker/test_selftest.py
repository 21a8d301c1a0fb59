"""The acceptance check can fail: each figure is judged against what was programmed."""

from typing import Any

import pytest

from worker import selftest

TRUTH = {
    "cues": [0.4, 2.9, 5.4],
    "onsets": [0.7, 3.2, 5.7],
    "t": [0.0, 0.1, 0.2, 0.3],
    "intensity": [0.0, 0.5, 1.0, 0.5],
}


def assessment(peak: float, index: float, /, **changes: Any) -> dict[str, Any]:
    """What a sound installation would say of clips with this peak."""
    values = {"onset-latency": 0.31, "repetitions": 3.0, "peak": peak} | changes
    signs = [{"name": name, "value": value} for name, value in values.items()]
    curve = {"t": [0.001, 0.1, 0.2, 0.3], "intensity": [0.0, None, 0.9, 0.5]}
    clips = [{"expression": name, "signs": signs, "curve": curve} for name in selftest.POSED]
    return {"hypomimia_index": index, "clips": clips}


def failing(strong: dict[str, Any], weak: dict[str, Any], still: dict[str, Any]) -> list[str]:
    drawn = [selftest._Clip(name, selftest.STRONG, TRUTH, {}) for name in selftest.POSED]
    checks = selftest._compare(drawn, strong, weak, still)
    assert len(checks) == 6
    return [check.name for check in checks if not check.passed]


def test_a_sound_installation_passes() -> None:
    assert failing(assessment(0.9, 40), assessment(0.4, 80), assessment(0.01, 99)) == []


@pytest.mark.parametrize(
    ("strong", "weak", "still", "named"),
    [
        ({"onset-latency": 0.5}, {}, {}, "latency"),
        ({"onset-latency": None}, {}, {}, "latency"),
        ({"repetitions": 2.0}, {}, {}, "repetitions"),
        ({}, {"peak": 0.8}, {}, "share of the full one"),
        ({}, {}, {"peak": 0.5}, "still face"),
    ],
)
def test_a_figure_that_is_off_is_named(
    strong: dict[str, Any], weak: dict[str, Any], still: dict[str, Any], named: str
) -> None:
    found = failing(
        assessment(0.9, 40, **strong), assessment(0.4, 80, **weak), assessment(0.01, 99, **still)
    )
    assert len(found) == 1
    assert named in found[0]


def test_an_index_that_falls_with_less_movement_fails() -> None:
    found = failing(assessment(0.9, 80), assessment(0.4, 40), assessment(0.01, 99))
    assert found == ["hypomimia index, weak minus full movement"]
