"""A result in words for a terminal: the statement as everywhere, and the numbers behind it."""

from collections.abc import Mapping
from typing import Any


def as_text(result: Mapping[str, Any]) -> str:
    """A page of plain text: what the result says, where it comes from, and each clip."""
    bundle = result["bundle"]
    lines = [
        *_said(result),
        "",
        f"model              {bundle['name']} {bundle['version']} ({bundle['digest'][:12]})",
        f"curves from        the {result['intensity_source']['name']} intensity source",
        "",
    ]
    return "\n".join([*lines, *(_clip(clip) for clip in result["clips"])])


def person_as_text(result: Mapping[str, Any]) -> str:
    """A person's result, and a line for each of their sessions."""
    lines = [*_said(result), ""]
    for name, session in result["sessions"].items():
        why = f" ({session['abstained']})" if session["abstained"] else ""
        lines.append(f"{name}: index {_number(session['hypomimia_index'], 1)}{why}")
    return "\n".join(lines)


def _said(result: Mapping[str, Any]) -> list[str]:
    return [one["text"] for one in result["statement"]["sentences"]]


def _number(value: float | None, decimals: int) -> str:
    return "not known" if value is None else f"{value:.{decimals}f}"


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
