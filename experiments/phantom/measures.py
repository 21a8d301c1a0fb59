"""The aims of the page on phantoms, and which were missed by how much."""

from collections.abc import Mapping
from typing import Any

AIMS = {"geometric": 0.97, "clip": 0.95, "latency_s": 0.060, "share": 0.95, "loss": 0.05}
MAIN_MODEL = "LSTM"
_PEOPLE_LOST = 0.05


def missed(data: Mapping[str, Any]) -> list[str]:
    """By how much each aim was missed: a smaller true figure is worth more."""
    return [*_missed_intensity(data), *_missed_models(data), *_missed_conditions(data)]


def _missed_intensity(data: Mapping[str, Any]) -> list[str]:
    found = []
    for name, figures in data["intensity"].items():
        value = figures.get("spearman_clip", {}).get("value", 0.0)
        if value < AIMS[name]:
            found.append(f"{name} intensity: {value:.3f} per clip, aim {AIMS[name]:.2f}")
    late = data["intensity"]["geometric"].get("latency_error_s")
    if late is None:
        found.append("onset latency: told for no clip, aim 60 ms")
    elif late["value"] > AIMS["latency_s"]:
        found.append(f"onset latency: {1000 * late['value']:.0f} ms, aim 60 ms")
    return found


def _missed_models(data: Mapping[str, Any]) -> list[str]:
    main, found = data["diagnosis"][MAIN_MODEL], []
    for key, title in (
        ("share", "LSTM, accuracy for PD"),
        ("kappa_share", "LSTM, quadratic kappa of grades"),
        ("grade_share", "LSTM, accuracy of grades"),
    ):
        if key in main and main[key]["value"] < AIMS["share"]:
            found.append(f"{title}: {main[key]['value']:.3f} of the oracle, aim {AIMS['share']}")
    return found


def _missed_conditions(data: Mapping[str, Any]) -> list[str]:
    found = []
    for name, both in data["conditions"].items():
        if name == "home":
            continue
        for source in ("geometric", "clip"):
            loss = both[source].get("loss")
            if loss is not None and loss["value"] > AIMS["loss"]:
                found.append(f"{source} intensity, {name}: loses {loss['value']:.1%}, aim ≤ 5 %")
        late = both["geometric"].get("latency_error_s")
        if late is not None and late["value"] > AIMS["latency_s"]:
            found.append(f"onset latency, {name}: {1000 * late['value']:.0f} ms, aim 60 ms")
        kept = both["lstm"]["same_decision"]["value"]
        if 1 - kept > _PEOPLE_LOST:
            found.append(f"LSTM, {name}: {1 - kept:.0%} of the people change sides, aim ≤ 5 %")
    return found
