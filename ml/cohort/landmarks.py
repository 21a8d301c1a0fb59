"""Files of landmarks, as detectors and researchers write them, read one way.

CSV and Parquet have a row a frame and a column a coordinate (``x_0``, ``0_x``, ``landmark_0_x``;
OpenFace's own), or a row a frame and point (``frame, landmark_index, x, y``); arrays of NPZ and NPY
are (T, K, 2 or 3). What a detector says of itself is believed: ``success`` 0 and a low
``confidence`` are frames without a face, as blank cells are. Nothing is repaired in silence.
"""

import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.cohort.landmark_columns import PointTable, read_csv, read_parquet
from ml.errors import CohortError
from ml.measuring.layouts import PointLayout
from ml.measuring.points import Points

Floats = npt.NDArray[np.float64]

ARRAYS, PARQUET = (".npz", ".npy"), (".parquet", ".pq")
SUFFIXES = (*ARRAYS, *PARQUET, ".csv", ".tsv", ".txt")
#: OpenFace's own authors take frames above it; below, the points slide off the face.
MIN_CONFIDENCE = 0.75
#: The file's timestamps and --fps may differ by this factor before somebody is wrong.
MOST_APART = 1.5
_TIMES = {"timestamp": 1.0, "time": 1.0, "time_s": 1.0, "seconds": 1.0, "t": 1.0,
          "timestamp_ms": 1e-3, "time_ms": 1e-3}  # fmt: skip
_FRAMES = ("frame", "frame_id", "frame_number", "frame_index", "frame_no")
_POINTS = ("landmark_index", "landmark", "landmark_id", "point", "point_id", "point_index", "index")
_SUCCESS, _CONFIDENCE, _FACES = ("success", "detected"), ("confidence", "score"), ("face_id",)
_ARRAYS = ("points", "landmarks", "keypoints")
_COORDINATE = re.compile(
    r"(?P<word>(?:[A-Za-z]+[_ .-]?)*?)(?:(?P<axis>[xyzXYZ])[_ .-]?\[?(?P<number>\d+)\]?"
    r"|(?P<first>\d+)[_ .-]?(?P<last>[xyzXYZ]))"
)


def read_points(
    path: Path,
    layout: PointLayout,
    *,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
) -> Points:
    """The points of one recording. ``fps``: frames a second, where the file has no timestamps.

    Raises :class:`CohortError` naming file and row: what cannot be read, no points of the layout,
    frames that are not in order, no way to tell their times.
    """
    if fps is not None and not (0 < fps < float("inf")):
        raise CohortError(f"--fps {fps:g} is not above 0", file=path)
    if not path.is_file():
        raise CohortError("no such file; give a CSV, Parquet, NPZ or NPY of points", file=path)
    suffix = path.suffix.lower()
    if suffix in ARRAYS:
        points, known = _arrays(path)
        lines, faces = None, 1
    elif suffix in SUFFIXES:
        table = read_parquet(path) if suffix in PARQUET else read_csv(path)
        points, known, lines, faces = _of_table(table, layout, path)
    else:
        raise CohortError("is no CSV, Parquet, NPZ or NPY by its name", file=path)
    points = np.array(points, np.float64)
    if points.ndim == 3 and len(points) < 1:
        raise CohortError("has no frames", file=path)
    points[~np.isfinite(points)] = np.nan
    if points.ndim == 3:
        points[_unseen(known, len(points), path)] = np.nan
    times = _times(known, len(points), fps, path, lines)
    return Points(points, times, size, faces)


Known = Mapping[str, Floats]


def _arrays(path: Path) -> tuple[Floats, Known]:
    """The points, and what stands beside them by the names of a table's columns."""
    try:
        loaded = np.load(path, allow_pickle=False)
        held = {"points": loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as fault:
        raise CohortError(f"no NumPy arrays of numbers: {fault}", file=path) from fault
    deep = [name for name, array in held.items() if array.ndim == 3]
    named = [name for name in _ARRAYS if name in held]
    if not named and len(deep) != 1:
        raise CohortError(
            f"no array is named points: {', '.join(sorted(held)) or 'it holds none'}", file=path
        )
    chosen = (named or deep)[0]
    if held[chosen].dtype.kind not in "fiu":
        raise CohortError(f"the array {chosen} holds no numbers", file=path)
    beside = {
        name.lower(): np.asarray(array, np.float64)
        for name, array in held.items()
        if name != chosen and array.ndim == 1 and array.dtype.kind in "fiub"
    }
    if "timestamps" in beside:
        beside["timestamp"] = beside["timestamps"]
    points = held[chosen]
    for name, array in beside.items():
        if name in (*_TIMES, *_SUCCESS, *_CONFIDENCE) and len(array) != len(points):
            raise CohortError(
                f"{name} has {len(array)} values and {chosen} {len(points)} frames", file=path
            )
    return points, beside


def _of_table(
    table: PointTable, layout: PointLayout, path: Path
) -> tuple[Floats, Known, Sequence[int], int]:
    """Points, what is known beside them, the rows' lines, and how many faces there were."""
    if not table.rows:
        raise CohortError("the table has no rows", file=path)
    if {"x", "y"} <= set(table.places) and any(n in table.places for n in _POINTS):
        return _long(table, layout, path)
    groups = _groups(table.titles)
    place_of = _chosen(groups, layout, path)
    axes = [axis for axis in "xyz" if axis in place_of]
    blocks = [table.block(place_of[axis]) for axis in axes]
    points = np.stack(blocks, axis=2)
    known = {
        name: column
        for name in (*_TIMES, *_FRAMES, *_SUCCESS, *_CONFIDENCE)
        if (column := table.named([name])) is not None
    }
    lines, whose = list(table.lines()), table.named(_FACES)
    if whose is None or len(np.unique(whose[np.isfinite(whose)])) < 2:
        return points, known, lines, 1
    # Several people in the picture: the one that is there longest, as in a film.
    counts = Counter(whose[np.isfinite(whose)].tolist())
    rows = np.flatnonzero(whose == counts.most_common(1)[0][0])
    kept = {name: column[rows] for name, column in known.items()}
    return points[rows], kept, [lines[n] for n in rows], len(counts)


def _groups(titles: Sequence[str]) -> dict[tuple[str, bool], dict[str, dict[int, int]]]:
    """Columns of coordinates by what else stands in their titles: axis → number → place."""
    found: defaultdict[tuple[str, bool], dict[str, dict[int, int]]] = defaultdict(dict)
    for place, title in enumerate(titles):
        if match := _COORDINATE.fullmatch(title):
            axis = match["axis"] or match["last"]
            number = int(match["number"] or match["first"])
            group = found[match["word"].lower(), axis.isupper()]
            group.setdefault(axis.lower(), {})[number] = place
    return found


def _chosen(
    groups: Mapping[tuple[str, bool], Mapping[str, Mapping[int, int]]],
    layout: PointLayout,
    path: Path,
) -> dict[str, list[int]]:
    """The columns of each axis, in the order of the points. OpenFace writes several groups: pixels
    (``x_0``), millimetres (``X_0``), the eyes' own points."""
    flat = {key: axes for key, axes in groups.items() if {"x", "y"} <= set(axes)}
    # Pixels before millimetres, plain titles before those with a word.
    for key in sorted(flat, key=lambda one: (one[1], len(one[0]))):
        axes = flat[key]
        numbers = sorted(axes["x"])
        if len(numbers) != layout.points or sorted(axes["y"]) != numbers:
            continue
        if numbers[-1] - numbers[0] != layout.points - 1:
            continue
        kept = [axis for axis in "xyz" if sorted(axes.get(axis, ())) == numbers]
        return {axis: [axes[axis][n] for n in numbers] for axis in kept}
    if not flat:
        raise CohortError(
            "no columns of coordinates: they are named x_0, y_0, x_1, … or 0_x, 0_y, …; an array of"
            " points is saved as .npz",
            file=path,
        )
    counts = " and ".join(sorted({str(len(axes["x"])) for axes in flat.values()}))
    raise CohortError(
        f"has coordinates of {counts} points, and {layout.name} has {layout.points}", file=path
    )


def _long(
    table: PointTable, layout: PointLayout, path: Path
) -> tuple[Floats, Known, Sequence[int], int]:
    """A row for each frame and point."""
    number, frame = table.named(_POINTS), table.named([*_FRAMES, *_TIMES])
    if number is None or frame is None:
        raise CohortError("a row a point needs a column named frame", file=path)
    axes = [axis for axis in "xyz" if axis in table.places]
    values = table.block([table.places[axis] for axis in axes])
    if not (np.isfinite(number).all() and np.isfinite(frame).all()):
        row = table.lines()[int(np.flatnonzero(~np.isfinite(number + frame))[0])]
        raise CohortError("names no frame, or no point", file=path, row=row)
    numbers = np.unique(number).astype(int)
    if len(numbers) != layout.points or numbers[-1] - numbers[0] != layout.points - 1:
        raise CohortError(
            f"has coordinates of {len(numbers)} points, and {layout.name} has {layout.points}",
            file=path,
        )
    frames, first, place = np.unique(frame, return_index=True, return_inverse=True)
    if not (np.diff(first) > 0).all():
        row = table.lines()[int(first[1:][np.diff(first) <= 0][0])]
        raise CohortError("the frames are not in order", file=path, row=row)
    points = np.full((len(frames), layout.points, len(axes)), np.nan)
    points[place, number.astype(int) - numbers[0]] = values
    known = {
        name: column[first]
        for name in (*_TIMES, *_FRAMES, *_SUCCESS, *_CONFIDENCE)
        if (column := table.named([name])) is not None
    }
    return points, known, [table.lines()[n] for n in first], 1


def _unseen(known: Known, frames: int, path: Path) -> npt.NDArray[np.bool_]:
    """(T,) frames in which the detector says that it found nothing, or is unsure."""
    lost = np.zeros(frames, dtype=bool)
    for name in _SUCCESS:
        if name in known:
            lost |= ~(known[name] > 0)
    for name in _CONFIDENCE:
        if name in known:
            most = float(np.nanmax(known[name], initial=0.0))
            if most > 1.0 + 1e-6:
                raise CohortError(f"{name} goes up to {most:g}, and is a share of 1", file=path)
            lost |= ~(known[name] >= MIN_CONFIDENCE)
    return lost


def _times(
    known: Known, frames: int, fps: float | None, path: Path, lines: Sequence[int] | None
) -> Floats:
    """(T,) seconds: the file's timestamps, else its frames' numbers or places by ``fps``."""
    title = next((name for name in _TIMES if name in known), None)
    if title is not None and np.isfinite(known[title]).any():
        times = known[title] * _TIMES[title]
        _check_order(times, title, path, lines)
        rate = 1 / float(np.median(np.diff(times))) if frames > 1 else None
        if rate is not None and fps is not None and not 1 / MOST_APART < rate / fps < MOST_APART:
            unit = " (in milliseconds?)" if 300 < fps / rate < 3000 else ""
            raise CohortError(
                f"its {title} says {rate:.4g} frames a second{unit}, and --fps {fps:g}; mend one",
                file=path,
            )
        return np.asarray(times - times[0])
    if fps is None:
        raise CohortError("has no timestamps: say how many frames a second with --fps", file=path)
    title = next((name for name in _FRAMES if name in known), None)
    if title is not None and np.isfinite(known[title]).any():
        _check_order(known[title], title, path, lines)
        return np.asarray((known[title] - known[title][0]) / fps)
    return np.arange(frames) / fps


def _check_order(values: Floats, title: str, path: Path, lines: Sequence[int] | None) -> None:
    """Raises :class:`CohortError` where they do not increase all the way."""
    steps = np.diff(values)
    wrong = np.flatnonzero(~(steps > 0))
    if not np.isfinite(values[0]):
        wrong = np.array([-1])
    if len(wrong):
        at = int(wrong[0]) + 1
        row = lines[at] if lines is not None else None
        where = "" if row is not None else f" of frame {at}"
        raise CohortError(
            f"the {title}{where} does not come after the one before it", file=path, row=row
        )
