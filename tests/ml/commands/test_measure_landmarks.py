"""``python -m ml measure-landmarks``: points in place of a film, and one line for what is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml.__main__ import main
from ml.measuring import face, geometry, layouts, video
from ml.measuring.clip import measure_clip
from ml.measuring.geometry import SIGNALS
from tests.ml.drawn_points import (
    JD,
    Floats,
    alternating,
    face68,
    face106,
    openface_csv,
    wavering,
)

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    def asked(path: Path, layout: str, *more: str, expression: str = "smile") -> dict[str, Any]:
        arguments = [str(path), "--layout", layout, "--expression", expression, *more, "--json"]
        assert main(["measure-landmarks", *arguments]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return asked


def saved(path: Path, points: Floats, **beside: Any) -> Path:
    np.savez(path, points=points, **beside)
    return path


@pytest.fixture
def drawn() -> Floats:
    return wavering(face68(alternating(), blinks=(50, 120, 200)))


# --- what is measured ----------------------------------------------------------------------------
def test_the_film_s_own_points_give_what_the_film_gives(portrait_clip: Path, ask: Ask) -> None:
    film = measure_clip(portrait_clip, expression="smile")
    tracker, found = face.tracker(), []
    for frame in video.frames(portrait_clip):
        found.append(tracker.find(frame.stored).found[0])
        height, width = frame.stored.shape[:2]
    path = portrait_clip.with_suffix(".npz")
    saved(path, np.stack(found), timestamps=np.array(film.timestamps))
    size = ["--width", str(width), "--height", str(height)]
    points = ask(path, "mediapipe478", *size)
    assert points["stats"] == pytest.approx(dict(film.stats), rel=1e-6)
    assert points["signals"]["mouth-open"] == pytest.approx(film.signals["mouth-open"], abs=1e-6)
    assert (points["quality"]["yaw"], points["quality"]["roll"]) == pytest.approx(
        (film.quality.yaw, film.quality.roll), abs=0.2
    )
    assert points["quality"]["face_size"] == pytest.approx(film.quality.face_size, abs=0.001)
    assert set(points) >= set(film.to_json())
    assert points["measurer"]["name"] != film.measurer["name"]
    assert points["percentiles"].keys() == {f"smile_{name}" for name in film.stats}
    assert "static mode" in points["norms"]
    # Without irises and without the film's shape, nearly the same, and what was assumed is said.
    saved(path, np.stack(found)[:, :468, :2])
    fewer = ask(path, "mediapipe468", "--fps", "30")
    assert any("4:3" in said for said in fewer["assumed"])
    assert any("1.03" in said for said in fewer["assumed"])
    assert fewer["quality"]["yaw"] is None


def test_openface_s_table_is_read_as_it_comes(tmp_path: Path, drawn: Floats, ask: Ask) -> None:
    path = tmp_path / "person.csv"
    path.write_text(openface_csv(drawn, lost=(5, 6, 7)))
    found = ask(path, "ibug68")
    assert found["state"] == "measured"
    assert set(found["signals"]) == set(SIGNALS)
    assert found["signals"]["mouth-open"][5:8] == [None] * 3
    assert found["quality"]["face_found_rate"] == pytest.approx(297 / 300, abs=1e-4)
    signs = {sign["name"]: sign["value"] for sign in found["signs"]}
    assert signs["repetitions"] == 3
    assert found["percentiles"] == {}
    # Half the movement, half the deviation.
    path.write_text(openface_csv(wavering(face68(alternating(), amplitude=0.5))))
    ratio = ask(path, "ibug68")["stats"]["mouth-open_var"] / found["stats"]["mouth-open_var"]
    assert ratio == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("order", [None, JD])
def test_106_points_in_either_numbering_are_the_same_face(
    tmp_path: Path, drawn: Floats, ask: Ask, order: list[int] | None
) -> None:
    points = face106(drawn) if order is None else face106(drawn, order)
    found = ask(saved(tmp_path / "a.npz", points), "points106", "--fps", "30")
    assert found["layout"] == ("points106" if order is None else "points106-jd")
    as68 = ask(saved(tmp_path / "b.npz", drawn), "ibug68", "--fps", "30")
    for name in ("mouth-open", "mouth-width", "jaw-open", "eye-open-left"):
        assert found["stats"][f"{name}_mean"] == pytest.approx(
            as68["stats"][f"{name}_mean"], rel=0.06
        )


def test_a_tilted_head_is_the_same_face(tmp_path: Path, drawn: Floats, ask: Ask) -> None:
    level = ask(saved(tmp_path / "a.npz", drawn), "ibug68", "--fps", "30")
    cos, sin = np.cos(np.radians(25)), np.sin(np.radians(25))
    turned = (drawn - (320, 240)) @ np.array([[cos, sin], [-sin, cos]]) * 1.7 + (900, 600)
    tilted = ask(saved(tmp_path / "b.npz", turned), "ibug68", "--fps", "30")
    assert tilted["stats"] == pytest.approx(level["stats"], rel=1e-6)
    assert tilted["quality"]["roll"] == pytest.approx(25, abs=0.2)


def test_every_file_holds_the_same(tmp_path: Path, drawn: Floats, ask: Ask) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    wide = {f"{axis}_{n}": drawn[:, n, k] for n in range(68) for k, axis in enumerate("xy")}
    parquet.write_table(pa.table(wide), tmp_path / "wide.parquet")
    number, frame = np.tile(np.arange(1, 69), 300), np.repeat(np.arange(300), 68)
    long = {"frame": frame, "landmark_index": number}
    long |= {axis: drawn[:, :, k].ravel() for k, axis in enumerate("xy")}
    parquet.write_table(pa.table(long), tmp_path / "long.parquet")
    titles = [f"landmark_{n}_{axis}" for n in range(1, 69) for axis in "xy"]
    rows = [titles, *drawn.reshape(300, -1).tolist()]
    (tmp_path / "named.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    np.save(tmp_path / "array.npy", drawn)
    kept = [
        ask(tmp_path / name, "ibug68", "--fps", "30")["stats"]
        for name in ("wide.parquet", "long.parquet", "named.csv", "array.npy")
    ]
    for other in kept[1:]:
        assert other == pytest.approx(kept[0], rel=1e-9)


def test_what_a_layout_cannot_give_is_absent(tmp_path: Path, drawn: Floats, ask: Ask) -> None:
    own = json.loads((layouts.FOLDER / "ibug68.json").read_text())
    del own["signals"]["jaw-open"], own["corners"]
    (tmp_path / "mine.json").write_text(json.dumps(own))
    path = saved(tmp_path / "a.npz", drawn)
    found = ask(path, str(tmp_path / "mine.json"), "--fps", "30")
    assert "jaw-open" not in found["signals"]
    assert not any(name.startswith("jaw-open") for name in found["stats"])
    assert "mouth-open_var" in found["stats"]
    assert found["curve"] is None


def test_the_layout_of_the_films_is_the_films() -> None:
    mesh = layouts.load("mediapipe478")
    assert mesh.geometry == geometry.MESH
    assert dict(layouts.load("mediapipe468").geometry.signals) == dict(geometry.PAIRS)
    for name in layouts.names():
        known = layouts.load(name)
        assert tuple(known.geometry.signals) == SIGNALS
        assert all(other in layouts.names() for other in known.also)


# --- what is no good recording is a result -------------------------------------------------------
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda p: p[:20], "too_short"),
        (lambda p: np.where(np.arange(300)[:, None, None] % 2 == 0, np.nan, p), "face_lost"),
        (lambda p: np.full_like(p, np.nan), "no_face"),
        (lambda p: np.zeros_like(p), "no_face"),
        (lambda p: np.concatenate([p[:100], np.repeat(p[100:101], 100, axis=0), p[200:]]),
         "time_gap"),
        (lambda p: (p - (320, 240)) @ np.array([[0.5, 0.866], [-0.866, 0.5]]), "tilted"),
    ],
)  # fmt: skip
def test_a_bad_recording_has_a_reason(
    tmp_path: Path, drawn: Floats, ask: Ask, spoil: Callable[[Floats], Floats], reason: str
) -> None:
    found = ask(saved(tmp_path / "a.npz", spoil(drawn)), "ibug68", "--fps", "30")
    assert (found["state"], found["reason"]) == ("unusable", reason)


def test_few_frames_a_second_are_too_few(tmp_path: Path, drawn: Floats, ask: Ask) -> None:
    found = ask(saved(tmp_path / "a.npz", drawn[::6]), "ibug68", "--fps", "5")
    assert found["reason"] == "low_frame_rate"


# --- wrong use is one line -----------------------------------------------------------------------
WRONG: dict[str, tuple[Callable[[Floats], Floats], str, list[str], str]] = {
    "points and frames": (lambda p: p.swapaxes(0, 1), "ibug68", [], "frames and points are exch"),
    "points and coordinates": (lambda p: p.swapaxes(1, 2), "ibug68", [], "coordinates are exch"),
    "another layout": (lambda p: p, "mediapipe478", [], "--layout ibug68?"),
    "flat": (lambda p: p.reshape(300, -1), "ibug68", [], "(300, 136)"),
    "four coordinates": (lambda p: np.repeat(p, 2, axis=2), "ibug68", [], "2 or 3"),
    "another order": (lambda p: p[:, ::-1], "ibug68", [], "no face"),
    "no frames": (lambda p: p[:0], "ibug68", [], "no frames"),
    "no such layout": (lambda p: p, "wflw98", [], "ibug68, mediapipe468"),
    "fps 0": (lambda p: p, "ibug68", ["--fps", "0"], "above 0"),
    "fps below 0": (lambda p: p, "ibug68", ["--fps=-30"], "above 0"),
    "fps nan": (lambda p: p, "ibug68", ["--fps", "nan"], "above 0"),
    "width alone": (lambda p: p, "ibug68", ["--width", "640"], "go together"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_points_are_one_line(
    name: str, tmp_path: Path, drawn: Floats, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, layout, more, says = WRONG[name]
    path = saved(tmp_path / "a.npz", spoil(drawn))
    one_line([str(path), "--layout", layout, "--fps", "30", *more], says, capsys)


def one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure-landmarks", *arguments, "--expression", "smile", "--json"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert says in told.err


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.replace("4, 0, 0.100", "4, 0, 0.050"), "row 5: the timestamp does not come"),
        (lambda t: t.replace("4, 0, 0.100", "4, 0, "), "row 5: the timestamp"),
        (lambda t: t.replace(", x_", ", q_").replace(", X_", ", q_"), " 56 points"),
        (lambda t: t.replace("0.980, 1", "98.0, 1"), "share of 1"),
        (lambda t: t.replace("timestamp", "moment").replace("frame", "n"), "--fps"),
        (lambda t: t.splitlines()[0], "no rows"),
        (lambda t: t.replace("0.980", "much", 1), "row 2: 'much'"),
        (lambda t: t.replace("0.980, ", "", 1), "row 2"),
        (lambda t: "", "empty"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_one_line(
    change: Callable[[str], str],
    says: str,
    tmp_path: Path,
    drawn: Floats,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = openface_csv(drawn[:40])
    assert change(text) != text
    (tmp_path / "a.csv").write_text(change(text))
    one_line([str(tmp_path / "a.csv"), "--layout", "ibug68"], says, capsys)


def test_files_that_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    layout = ["--layout", "ibug68", "--fps", "30"]
    one_line([str(tmp_path / "nowhere.csv"), *layout], "no such file", capsys)
    for name, says in (("a.npz", "NumPy"), ("a.parquet", "Parquet"), ("a.docx", "by its name")):
        (tmp_path / name).write_bytes(b"not what its name says" * 9)
        one_line([str(tmp_path / name), *layout], says, capsys)
    np.savez(tmp_path / "b.npz", points=np.array([{}], dtype=object))
    one_line([str(tmp_path / "b.npz"), *layout], "NumPy", capsys)
    np.savez(tmp_path / "c.npz", a=np.zeros(3))
    one_line([str(tmp_path / "c.npz"), *layout], "named points: a", capsys)
    # The file's own times against what is said of it.
    saved(tmp_path / "d.npz", face68(alternating()), timestamps=np.arange(300) * 33.3)
    one_line([str(tmp_path / "d.npz"), *layout], "milliseconds?", capsys)
