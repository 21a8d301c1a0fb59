"""A manifest of clips as a feature cohort: each clip measured once, then read from a cache.

The cache is keyed by the clip's SHA-256 and the measurer's digest: a second run starts in seconds,
and another measurer never reads what this one wrote.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ml.cohort.clips import MEASURING, measure_ahead, measured_clip
from ml.cohort.manifest import (
    MANIFEST,
    LabelledClip,
    Visit,
    labels_of,
    layout_of,
    read_manifest,
)
from ml.cohort.table import UNKNOWN, Cohort
from ml.distributed import Processes
from ml.errors import CohortError
from ml.features import columns_of
from ml.intensity.source import IntensityCurve, IntensitySource, Material
from ml.progress import counted
from ml.scoring.assessment import session_curves
from ml.scoring.norms import drop_failed

Check = Callable[[Cohort], object]


def cohort_of_clips(
    folder: Path,
    cache: Path,
    *,
    source: Path | None = None,
    shapes: bool = False,
    check: Check | None = None,
    group: Processes | None = None,
) -> Cohort:
    """One row per subject and session, from ``folder/manifest.csv``. A clip that cannot be measured
    leaves its expression missing. ``source``: a CLIP source whose embeddings are kept for
    :func:`curves_of_clips`; ``shapes``: blendshapes are kept for it. ``check`` sees the labelled
    rows before anything is measured, a feature taken as usable (0) wherever there is a clip. Each
    process of ``group`` measures its share, then all read everything. Raises :class:`CohortError`
    as :func:`ml.cohort.manifest.read_manifest` does."""
    clips = read_manifest(folder)
    about = labels_of(clips, folder / MANIFEST)
    if (source is not None or shapes) and (layout := layout_of(clips)):
        raise CohortError(
            f"holds points of {layout}, and the intensity source reads pictures; use geometric",
            file=folder / MANIFEST,
        )
    expressions = list(dict.fromkeys(clip.expression for clip in clips))
    columns = tuple(name for expression in expressions for name in columns_of(expression))
    position = {name: index for index, name in enumerate(columns)}
    row_of = {visit: n for n, visit in enumerate(about)}
    promised = np.full((len(about), len(columns)), np.nan)
    for clip in clips:
        here = [position[name] for name in columns_of(clip.expression)]
        promised[row_of[clip.visit], here] = 0.0
    labelled = _cohort(folder, list(about.values()), columns, promised)
    if check is not None:
        check(labelled)
    is_measured = False
    if group is not None and group.world > 1:
        for clip in clips[group.rank :: group.world]:
            features_of(clip, cache, source, shapes=shapes)
        group.wait()
    else:
        is_measured = measure_ahead(clips, cache, source, shapes=shapes)
    values = np.full(promised.shape, np.nan)
    for clip in clips if is_measured else counted(MEASURING, clips, len(clips)):
        for name, value in features_of(clip, cache, source, shapes=shapes).items():
            if name in position:
                values[row_of[clip.visit], position[name]] = value
    return replace(labelled, values=drop_failed(values, columns))


def curves_of_clips(
    folder: Path, cohort: Cohort, cache: Path, source: IntensitySource, embeds: Path | None = None
) -> dict[int, dict[str, IntensityCurve]]:
    """The curves of each row of a cohort that :func:`cohort_of_clips` read, by the row's line."""
    lines = {int(line) for line in cohort.line}
    shapes = source.material is Material.BLENDSHAPES
    visits: dict[Visit, list[LabelledClip]] = {}
    for clip in read_manifest(folder, verify=False):
        visits.setdefault(clip.visit, []).append(clip)
    found = {}
    for clips in visits.values():
        if clips[0].row in lines:
            measured = {c.expression: measured_clip(c, cache, embeds, shapes=shapes) for c in clips}
            usable = {e: m for e, m in measured.items() if m.state == "measured"}
            found[clips[0].row] = session_curves(usable, source)
    return found


def features_of(
    clip: LabelledClip, cache: Path, embeds: Path | None = None, *, shapes: bool = False
) -> dict[str, float]:
    """The clip's feature columns, empty where it is unusable; measured unless cached."""
    measured = measured_clip(clip, cache, embeds, shapes=shapes)
    return measured.features() if measured.state == "measured" else {}


def _cohort(
    folder: Path,
    firsts: Sequence[LabelledClip],
    columns: tuple[str, ...],
    values: "np.ndarray[tuple[int, int], np.dtype[np.float64]]",
) -> Cohort:
    return Cohort(
        name=str(folder / MANIFEST),
        columns=columns,
        values=values,
        subject=np.array([c.subject for c in firsts], dtype=np.str_),
        protocol=np.array([c.protocol for c in firsts], dtype=np.str_),
        pd=np.array([UNKNOWN if c.pd is None else int(c.pd) for c in firsts], dtype=np.int64),
        grade=np.array([UNKNOWN if c.grade is None else c.grade for c in firsts], dtype=np.int64),
        age=np.array([c.age for c in firsts], dtype=np.float64),
        sex=np.array([c.sex for c in firsts], dtype=np.str_),
        split=np.array([c.split for c in firsts], dtype=np.str_),
        line=np.array([c.row for c in firsts], dtype=np.int64),
        sha256=hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        layout=layout_of(firsts),
    )
