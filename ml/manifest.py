"""A cohort of clips: ``manifest.csv`` beside the clips, one row each, checked before any work.

Columns: subject, clip, expression, grade, pd, protocol, split, sha256 and, where people come more
than once, session (a code of the visit; labels may differ between visits). A phantom cohort also
has ``truth/<clip name>.json`` per clip with the programmed curve. A mistake stops the reading with
its file and row: training must not find it an hour later.
"""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.errors import CohortError
from ml.expressions import is_expression

MANIFEST = "manifest.csv"
REQUIRED = ("subject", "clip", "expression", "sha256")
_EMPTY = {"", "nan", "na", "none", "unknown"}


@dataclass(frozen=True)
class LabelledClip:
    """One row. ``pd`` and ``grade`` None where unknown; ``truth`` None where nothing is known."""

    subject: str
    path: Path
    expression: str
    grade: int | None
    pd: bool | None
    protocol: str
    split: str
    sha256: str
    truth: Path | None
    row: int
    session: str = ""

    def read_truth(self) -> Mapping[str, Any] | None:
        """The programmed curve and parameters. Raises :class:`CohortError` on a damaged file."""
        if self.truth is None:
            return None
        try:
            data = json.loads(self.truth.read_text(encoding="utf-8"))
        except ValueError as fault:
            raise CohortError(f"not JSON: {fault}", file=self.truth) from fault
        if not isinstance(data, dict) or len(data.get("t", ())) != len(data.get("intensity", ())):
            raise CohortError("must have t and intensity of one length", file=self.truth)
        return data


def read_manifest(folder: Path, *, verify: bool = True) -> tuple[LabelledClip, ...]:
    """All clips of the cohort in ``folder``, in the manifest's order.

    ``verify`` compares every clip's SHA-256. Raises :class:`CohortError` naming file and row: no
    manifest, a missing column, an unknown expression, a label out of range, a missing or changed
    clip, a subject in two splits, one clip twice, no clips at all.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise CohortError("the manifest does not exist", file=path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
        if missing:
            raise CohortError(f"no column named {', '.join(missing)}", file=path, row=1)
        clips = tuple(_clip(folder, path, line, row) for line, row in enumerate(reader, start=2))
    if not clips:
        raise CohortError("the manifest has no rows", file=path)
    _check_together(clips, path)
    if verify:
        for clip in clips:
            _check_content(clip)
    return clips


def _clip(folder: Path, manifest: Path, line: int, row: Mapping[str, str | None]) -> LabelledClip:
    cells = {name: (value or "").strip() for name, value in row.items() if name is not None}
    expression = cells["expression"]
    if not is_expression(expression):
        raise CohortError(f"unknown expression {expression!r}", file=manifest, row=line)
    if not cells["subject"]:
        raise CohortError("the row names no subject", file=manifest, row=line)
    clip = folder / cells["clip"]
    if not clip.is_file():
        raise CohortError(f"the clip {cells['clip']} is missing", file=manifest, row=line)
    truth = folder / "truth" / f"{Path(cells['clip']).stem}.json"
    return LabelledClip(
        subject=cells["subject"],
        path=clip,
        expression=expression,
        grade=_whole(cells.get("grade", ""), range(5), "grade", manifest, line),
        pd=_yes_no(cells.get("pd", ""), manifest, line),
        protocol=cells.get("protocol", ""),
        split=cells.get("split", ""),
        sha256=cells["sha256"].lower(),
        truth=truth if truth.is_file() else None,
        row=line,
        session=cells.get("session", ""),
    )


def _whole(text: str, allowed: range, name: str, file: Path, row: int) -> int | None:
    if text.lower() in _EMPTY:
        return None
    try:
        value = float(text)
    except ValueError:
        raise CohortError(f"the {name} {text!r} is no number", file=file, row=row) from None
    if value not in allowed:
        raise CohortError(
            f"the {name} {text} is not one of {allowed.start} to {allowed.stop - 1}",
            file=file,
            row=row,
        )
    return int(value)


def _yes_no(text: str, file: Path, row: int) -> bool | None:
    words = {"true": 1, "yes": 1, "false": 0, "no": 0}
    number = _whole(str(words.get(text.lower(), text)), range(2), "pd label", file, row)
    return None if number is None else bool(number)


def _check_together(clips: tuple[LabelledClip, ...], path: Path) -> None:
    splits: dict[str, LabelledClip] = {}
    seen: dict[Path, int] = {}
    for clip in clips:
        first = splits.setdefault(clip.subject, clip)
        if first.split != clip.split:
            raise CohortError(
                f"subject {clip.subject} is in split {first.split!r} (row {first.row})"
                f" and in {clip.split!r}",
                file=path,
                row=clip.row,
            )
        if clip.path in seen:
            raise CohortError(
                f"the clip {clip.path.name} is also in row {seen[clip.path]}",
                file=path,
                row=clip.row,
            )
        seen[clip.path] = clip.row


def _check_content(clip: LabelledClip) -> None:
    found = hashlib.sha256(clip.path.read_bytes()).hexdigest()
    if found != clip.sha256:
        raise CohortError(
            f"the clip's content is not what the manifest says (SHA-256 {found[:12]}…)",
            file=clip.path,
            row=clip.row,
        )
