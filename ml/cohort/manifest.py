"""A cohort of clips: ``manifest.csv`` beside the clips, one row each, checked before any work.

Columns: subject, clip, expression, grade, pd, protocol, age, sex, split, sha256 and, where people
come more than once, session (a code of the visit). A clip may be a file of landmarks; then there
are layout and, as needed, fps, width and height of the film. One cohort is films, or points of one
layout. The subject is the unit of splits, the visit (subject and session) that of labels and of
rest: a visit has each expression at most once. A phantom cohort also has ``truth/<clip name>.json``
per clip with the programmed curve. A mistake stops the reading with its file and row: training must
not find it an hour later.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from ml.cohort import csv_files
from ml.cohort.columns import LABELS, Columns, match
from ml.cohort.of_points import FIELDS, OfPoints, points_of
from ml.errors import ClipUnusable, CohortError, MimiaError
from ml.measuring.video import frames
from vocabulary.expressions import is_expression

MANIFEST = "manifest.csv"
REQUIRED = ("subject", "clip", "expression", "sha256")
COLUMNS = (*REQUIRED, "grade", "pd", "protocol", "age", "sex", "split", "session", *FIELDS)
_MEANINGS = {name: LABELS.get(name, (name,)) for name in COLUMNS}
Visit = tuple[str, str]  # subject, session


@dataclass(frozen=True)
class LabelledClip:
    """One row. ``pd`` and ``grade`` None where unknown, ``age`` (years) NaN, ``sex`` ""; ``truth``
    None where nothing is known. ``points``: where the clip is a file of landmarks."""

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
    points: OfPoints | None = None
    age: float = math.nan
    sex: str = ""

    @property
    def visit(self) -> Visit:
        """One coming of one person: what rest, labels and samples belong to."""
        return self.subject, self.session

    @property
    def labels(self) -> tuple[object, ...]:
        """What all clips of a visit must agree on; two unknown ages do."""
        return self.pd, self.grade, str(self.age), self.sex

    def read_truth(self) -> Mapping[str, Any] | None:
        """The programmed curve and parameters. Raises :class:`CohortError` on a damaged file."""
        if self.truth is None:
            return None
        try:
            data = json.loads(self.truth.read_text(encoding="utf-8"))
        except ValueError as fault:
            raise CohortError(f"not JSON: {fault}", file=self.truth) from fault
        t, curve = (data.get("t"), data.get("intensity")) if isinstance(data, dict) else (0, 0)
        if not (_numbers(t) and _numbers(curve) and len(t) == len(curve)):
            raise CohortError(
                "must have t and intensity, finite numbers and as many of each", file=self.truth
            )
        return dict(data)


def read_manifest(folder: Path, *, verify: bool = True) -> tuple[LabelledClip, ...]:
    """All clips of the cohort in ``folder``, in the manifest's order.

    ``verify`` looks into every clip: its SHA-256, and that it begins like a video. Raises
    :class:`CohortError` naming file and row: no manifest, a missing or repeated column, an unknown
    expression, a label out of range, a missing, foreign, changed or unreadable clip, a damaged
    truth, a subject in two splits, a visit with two labels or one expression twice, one recording
    twice, no clips at all. A clip may be a link; its path must stay inside the folder.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise CohortError("the manifest does not exist", file=path)
    table = csv_files.read(path)
    columns = _columns(table)
    table.check_unique(columns.means)
    table.check_widths()
    titles = [meaning or "" for meaning in columns.means]
    rows = [(line, dict(zip(titles, cells, strict=False))) for line, cells in table.rows]
    clips = tuple(_clip(folder, path, line, row) for line, row in rows)
    if not clips:
        raise CohortError("the manifest has no rows", file=path)
    _check_together(clips, path)
    if verify:
        for clip in clips:
            _check_content(clip, path)
    return clips


def read_columns(folder: Path) -> Columns:
    """What the columns of the manifest in ``folder`` are read as. Raises :class:`CohortError`."""
    return _columns(csv_files.read(folder / MANIFEST))


def _columns(table: csv_files.Table) -> Columns:
    """Raises :class:`CohortError` where a column is missing, or named nearly as one that is."""
    columns = match(table.header, _MEANINGS, features=False)
    near = ", ".join(map(str, columns.near))
    missing = [name for name in REQUIRED if columns.place(name) is None]
    if missing:
        meant = f"; rename {near}" if near else ""
        raise CohortError(f"no column named {', '.join(missing)}{meant}", file=table.path, row=1)
    if near:
        raise CohortError(
            f"named nearly like a column that is missing: {near}; rename what is meant, or take"
            " it out of the manifest",
            file=table.path,
            row=1,
        )
    return columns


def labels_of(clips: Sequence[LabelledClip], path: Path) -> dict[Visit, LabelledClip]:
    """The first clip of each visit, whose labels all its clips must have. Raises CohortError."""
    first: dict[Visit, LabelledClip] = {}
    for clip in clips:
        about = first.setdefault(clip.visit, clip)
        if about.labels != clip.labels:
            raise CohortError(
                f"subject {clip.subject} has other labels than in row {about.row}"
                " (visits of one person are told apart by a session column)",
                file=path,
                row=clip.row,
            )
    return first


def _clip(folder: Path, manifest: Path, line: int, row: Mapping[str, str]) -> LabelledClip:
    cells = {name: value.strip() for name, value in row.items()}
    if not is_expression(cells["expression"]):
        raise CohortError(f"unknown expression {cells['expression']!r}", file=manifest, row=line)
    if not cells["subject"]:
        raise CohortError("the row names no subject", file=manifest, row=line)
    clip = _inside(folder, cells["clip"], manifest, line)
    if not re.fullmatch("[0-9a-f]{64}", cells["sha256"].lower()):
        raise CohortError("the sha256 is not 64 hexadecimal digits", file=manifest, row=line)
    truth = folder / "truth" / f"{clip.stem}.json"
    pd = csv_files.yes_no(cells.get("pd", ""), manifest, line)
    grade = csv_files.grade(cells.get("grade", ""), manifest, line)
    return LabelledClip(
        subject=cells["subject"],
        path=clip,
        expression=cells["expression"],
        grade=None if grade == csv_files.UNKNOWN else grade,
        pd=None if pd == csv_files.UNKNOWN else bool(pd),
        protocol=cells.get("protocol", ""),
        split=csv_files.split(cells.get("split", ""), manifest, line),
        sha256=cells["sha256"].lower(),
        truth=truth if truth.is_file() else None,
        row=line,
        session=cells.get("session", ""),
        points=points_of(clip, cells, manifest, line),
        age=csv_files.age(cells.get("age", ""), manifest, line),
        sex=cells.get("sex", "").lower(),
    )


def _inside(folder: Path, name: str, manifest: Path, line: int) -> Path:
    """The clip's path. A manifest that names files elsewhere would not survive being moved."""
    if not name:
        raise CohortError("the row names no clip", file=manifest, row=line)
    given = PurePosixPath(name)
    if given.is_absolute() or ".." in given.parts or "\\" in name:
        raise CohortError(
            f"the clip {name} must be named by its path inside the cohort's folder, with /",
            file=manifest,
            row=line,
        )
    clip = folder / given
    if clip.is_dir():
        raise CohortError(f"the clip {name} is a folder", file=manifest, row=line)
    if not clip.is_file():
        raise CohortError(f"the clip {name} is missing", file=manifest, row=line)
    if not clip.stat().st_size:
        raise CohortError(f"the clip {name} is empty", file=manifest, row=line)
    return clip


def _numbers(values: object) -> TypeGuard[list[float]]:
    return isinstance(values, list) and all(
        isinstance(v, int | float) and math.isfinite(v) for v in values
    )


def _check_together(clips: tuple[LabelledClip, ...], path: Path) -> None:
    _check_one_source(clips, path)
    splits: dict[str, LabelledClip] = {}
    files: dict[Path | str, int] = {}
    posed: dict[tuple[Visit, str], int] = {}
    for clip in clips:
        first = splits.setdefault(clip.subject, clip)
        if first.split != clip.split:
            raise CohortError(
                f"subject {clip.subject} is in split {first.split!r} (row {first.row})"
                f" and in {clip.split!r}",
                file=path,
                row=clip.row,
            )
        # By name and by content: one recording under two subjects would be in two splits.
        for same in (clip.path, clip.sha256):
            row = files.setdefault(same, clip.row)
            if row != clip.row:
                raise CohortError(
                    f"the clip {clip.path.name} is also in row {row}", file=path, row=clip.row
                )
        row = posed.setdefault((clip.visit, clip.expression), clip.row)
        if row != clip.row:
            raise CohortError(
                f"subject {clip.subject} has {clip.expression} in row {row} already"
                " (visits of one person are told apart by a session column)",
                file=path,
                row=clip.row,
            )
    labels_of(clips, path)


def layout_of(clips: Sequence[LabelledClip]) -> str:
    """The layout of a cohort of points; "" of films."""
    return "" if clips[0].points is None else clips[0].points.layout


def _check_one_source(clips: tuple[LabelledClip, ...], path: Path) -> None:
    first = layout_of(clips)
    for clip in clips:
        own = layout_of((clip,))
        if own != first:
            what, other = (f"points of {one}" if one else "a film" for one in (own, first))
            raise CohortError(
                f"{clip.path.name} is {what}, and row {clips[0].row} {other}: norms of one do not"
                " hold for the other; make two cohorts",
                file=path,
                row=clip.row,
            )


def _check_content(clip: LabelledClip, manifest: Path) -> None:
    found = hashlib.sha256(clip.path.read_bytes()).hexdigest()
    if found != clip.sha256:
        raise CohortError(
            f"the content of {clip.path.name} is not what the manifest says"
            f" (SHA-256 {found[:12]}…)",
            file=manifest,
            row=clip.row,
        )
    if clip.points is not None:
        try:
            clip.points.measure(clip.path, clip.expression)
        except MimiaError as fault:
            raise CohortError(str(fault), file=manifest, row=clip.row) from fault
        clip.read_truth()
        return
    try:
        begins = len(list(islice(frames(clip.path), 2)))
    except ClipUnusable as fault:
        raise CohortError(
            f"the clip {clip.path.name} cannot be read: {fault.detail}", file=manifest, row=clip.row
        ) from fault
    if begins < 2:
        raise CohortError(
            f"the clip {clip.path.name} has one frame alone", file=manifest, row=clip.row
        )
    clip.read_truth()
