"""The tables of the page on phantoms, and which aims were missed by how much."""

from collections.abc import Mapping, Sequence
from typing import Any

from ml.metrics import Interval

AIMS = {"geometric": 0.97, "clip": 0.95, "latency_s": 0.060, "share": 0.95, "loss": 0.05}
MAIN_MODEL = "LSTM"
_PEOPLE_LOST = 0.05


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _text(figure: Mapping[str, float] | None, scale: float = 1.0, digits: int = 3) -> str:
    if figure is None:
        return "–"
    value, low, high = (figure[k] * scale for k in ("value", "low", "high"))
    return str(Interval(value, low, high)) if digits == 3 else (
        f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
    )  # fmt: skip


def intensity(data: Mapping[str, Any]) -> str:
    rows = []
    for name, figures in data["intensity"].items():
        if not figures["clips"]:
            rows.append([name, "0", "no usable clip", "", "", ""])
            continue
        rows.append(
            [
                name,
                str(figures["clips"]),
                _text(figures["spearman_clip"]),
                f"{figures['spearman_pooled']:.3f}",
                f"≥ {AIMS[name]:.2f}",
                _text(figures["latency_error_s"], 1000, 0),
            ]
        )
    for name, title in (("without_ties", "without ties"), ("as_drawn", "as drawn")):
        rows.append([f"ceiling {title}", "", _text(data["ceilings"][name]), "", "", ""])
    return table(
        ["source", "clips", "per clip", "pooled", "aim", "latency error, ms (aim ≤ 60)"], rows
    )


def models(figures: Mapping[str, Any]) -> str:
    rows = [
        [name, _text(m["accuracy"]), _text(m["auroc"]), _text(m["share"])]
        for name, m in figures.items()
    ]
    return table(["model", "accuracy", "AUROC", "share of the oracle (aim ≥ 0.95)"], rows)


def grades(figures: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            *(_text(m[key]) for key in ("kappa", "kappa_share", "grade_accuracy", "grade_share")),
        ]
        for name, m in figures.items()
        if "kappa" in m
    ]
    head = ["model", "quadratic kappa", "share (aim ≥ 0.95)", "accuracy", "share (aim ≥ 0.95)"]
    return table(head, rows)


def agreement_line(agreement: Mapping[str, Any]) -> str:
    return (
        f"The same LSTM on the {agreement['people']} filmed people, drawn, encoded and measured"
        " by FaceMesh: its probability differs from that on the same people simulated by"
        f" {_text(agreement['median_difference'])} (median), and"
        f" {_text(agreement['same_decision'], 100, 0)} % keep their decision."
    )


def conditions(figures: Mapping[str, Any]) -> str:
    rows = []
    for name, both in figures.items():
        geometric, lstm, home = both["geometric"], both["lstm"], name == "home"
        rows.append(
            [
                name,
                str(geometric["people"]),
                _rank(geometric),
                _rank(both["clip"]),
                _text(geometric.get("latency_error_s"), 1000, 0),
                f"{geometric['unusable']:.0%}",
                "–" if home else _text(lstm["median_difference"]),
                "–" if home else f"{_text(lstm['same_decision'], 100, 0)} %",
            ]
        )
    head = [
        "filmed", "people", "geometric, loss", "CLIP, loss", "latency error, ms", "refused",
        "LSTM moves by", "decision kept",
    ]  # fmt: skip
    return table(head, rows)


def _rank(figures: Mapping[str, Any]) -> str:
    if not figures["clips"]:
        return "all refused"
    value = f"{figures['spearman_clip']['value']:.3f}"
    return f"{value}, {_text(figures['loss'], 100, 1)} %" if "loss" in figures else value


def shortfalls(data: Mapping[str, Any]) -> str:
    """Says by how much each aim was missed: a smaller true figure is worth more."""
    missed = [*_missed_intensity(data), *_missed_models(data), *_missed_conditions(data)]
    if not missed:
        return "## Aims\n\nAll reached."
    return "## Aims not reached\n\n" + "\n".join(f"- {line}" for line in missed)


def _missed_intensity(data: Mapping[str, Any]) -> list[str]:
    missed = []
    for name, figures in data["intensity"].items():
        value = figures.get("spearman_clip", {}).get("value", 0.0)
        if value < AIMS[name]:
            missed.append(f"{name} intensity: {value:.3f} per clip, aim {AIMS[name]:.2f}")
    late = data["intensity"]["geometric"].get("latency_error_s")
    if late is None:
        missed.append("onset latency: told for no clip, aim 60 ms")
    elif late["value"] > AIMS["latency_s"]:
        missed.append(f"onset latency: {1000 * late['value']:.0f} ms, aim 60 ms")
    return missed


def _missed_models(data: Mapping[str, Any]) -> list[str]:
    main, missed = data["diagnosis"][MAIN_MODEL], []
    for key, title in (
        ("share", "LSTM, accuracy for PD"),
        ("kappa_share", "LSTM, quadratic kappa of grades"),
        ("grade_share", "LSTM, accuracy of grades"),
    ):
        if key in main and main[key]["value"] < AIMS["share"]:
            missed.append(f"{title}: {main[key]['value']:.3f} of the oracle, aim {AIMS['share']}")
    return missed


def _missed_conditions(data: Mapping[str, Any]) -> list[str]:
    missed = []
    for name, both in data["conditions"].items():
        if name == "home":
            continue
        for source in ("geometric", "clip"):
            loss = both[source].get("loss")
            if loss is not None and loss["value"] > AIMS["loss"]:
                missed.append(f"{source} intensity, {name}: loses {loss['value']:.1%}, aim ≤ 5 %")
        late = both["geometric"].get("latency_error_s")
        if late is not None and late["value"] > AIMS["latency_s"]:
            missed.append(f"onset latency, {name}: {1000 * late['value']:.0f} ms, aim 60 ms")
        kept = both["lstm"]["same_decision"]["value"]
        if 1 - kept > _PEOPLE_LOST:
            missed.append(f"LSTM, {name}: {1 - kept:.0%} of the people change sides, aim ≤ 5 %")
    return missed
