"""An assessment's JSON in words for a terminal."""

from collections.abc import Mapping
from typing import Any


def as_text(result: Mapping[str, Any]) -> str:
    """A page of plain text: the numbers, whether to believe them, and each clip."""
    bundle = result["bundle"]
    lines = [
        f"hypomimia index    {_number(result['hypomimia_index'], 1)} of 100 (higher: more masked)",
        f"probability of PD  {_number(result['p_pd'], 2)}{_interval(result['p_pd_interval'])}",
        f"severity (3.2)     {_severity(result)}",
        f"to rely on it      {result['abstained_words'] or 'nothing speaks against it'}",
        f"model              {bundle['name']} {bundle['version']} ({bundle['digest'][:12]})",
        f"curves from        the {result['intensity_source']['name']} intensity source"
        + _curves_alone(result["diagnosis"]),
        "",
    ]
    lines += [_clip(clip) for clip in result["clips"]]
    return "\n".join([*lines, "", "Research use, not a diagnosis."])


def person_as_text(result: Mapping[str, Any]) -> str:
    """A person's result, and a line for each of their sessions."""
    person = result["person"]
    index, grade = person["hypomimia_index"], person["severity_expected"]
    lines = [
        f"hypomimia index    {_banded(index, 1)} of 100 (higher: more masked)",
        f"severity (3.2)     {_banded(grade, 2)} of 4 expected",
        f"sessions           {index['sessions']} of {len(result['sessions'])} count",
    ]
    if index["is_scattered"]:
        lines.append("                   they scatter more than other people's: the band is wider")
    if index["more"]:
        lines.append(f"one session more   would make the index ± {index['more'][0]:.0f}")
    if (repeats := person["repeats"]) is not None:
        lines.append(
            f"the band           holds the mean of as many sessions again 9 times of 10; from"
            f" {repeats['people']} people's repeats ({', '.join(repeats['expressions'])} alone) in"
            f" {repeats['name']}"
        )
    else:
        lines.append("the band           is not known: nobody repeated this model's sessions")
    lines.append("")
    for name, session in result["sessions"].items():
        why = f" ({session['abstained_words']})" if session["abstained_words"] else ""
        lines.append(f"{name}: index {_number(session['hypomimia_index'], 1)}{why}")
    return "\n".join([*lines, "", "Research use, not a diagnosis."])


def _banded(number: Mapping[str, Any], decimals: int) -> str:
    value = _number(number["value"], decimals)
    if number["low"] is None:
        return value
    return f"{value} ({number['low']:.{decimals}f} to {number['high']:.{decimals}f})"


def _number(value: float | None, decimals: int) -> str:
    return "not known" if value is None else f"{value:.{decimals}f}"


def _interval(interval: list[float] | None) -> str:
    return f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""


def _severity(result: Mapping[str, Any]) -> str:
    if result["severity"] is None:
        return f"not given: {result['severity_reason']}"
    experimental = ", experimental" if result.get("severity_experimental") else ""
    return f"{_number(result['severity_expected'], 1)} of 4 expected{experimental}"


def _curves_alone(diagnosis: Mapping[str, Any] | None) -> str:
    if diagnosis is None:
        return ""
    return f"; its LSTM alone: probability of PD {_number(diagnosis['p_pd'], 2)}"


def _clip(clip: Mapping[str, Any]) -> str:
    if clip["state"] != "measured":
        return f"{clip['expression']:9} {clip['state']}: {clip['reason']} ({clip['detail']})"
    signs = [
        f"{sign['name']} {sign['value']:.3g} {sign['unit']}".strip()
        + (f" (percentile {sign['percentile']:.0f})" if sign["percentile"] is not None else "")
        for sign in clip["signs"]
        if sign["value"] is not None
    ]
    return f"{clip['expression']:9} measured: " + ("; ".join(signs) or "no signs")
