"""Settings are what their annotations say, at every depth, or one line says where they are not."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import pytest

from ml.errors import ConfigError
from ml.settings import Settings, plain, settings


class Light(StrEnum):
    DAY = "day"
    LAMP = "lamp"


@dataclass(frozen=True)
class Lens:
    """Without the base: what holds for the camera holds for its parts."""

    width: float = 2.0
    marks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.width <= 0:
            raise ConfigError("width must be above 0")


@dataclass(frozen=True)
class Camera(Settings):
    name: str
    lens: Lens = Lens()
    spare: Lens | None = None
    others: tuple[Lens, ...] = ()
    named: Mapping[str, Lens] | None = None
    light: Light = Light.DAY
    film: Literal["colour", "grey"] = "colour"
    loud: bool = False


def test_what_is_written_is_read_again() -> None:
    camera = Camera(
        "a", Lens(3, (1, 2)), Lens(), (Lens(),), {"x": Lens()}, Light.LAMP, "grey", True
    )
    assert settings(Camera, plain(camera)) == camera
    assert type(settings(Camera, plain(camera)).lens.width) is float


WRONG: list[tuple[object, str]] = [
    ([], "the settings: must be an object, {…}"),
    ({}, "name: the entry is missing"),
    ({"nam": "a"}, "nam: no such entry; known are "
                   "film, lens, light, loud, name, named, others, spare"),
    ({"name": 3}, "name: must be a text"),
    ({"name": None}, "name: must be a text"),
    ({"name": "a", "loud": "no"}, "loud: must be true or false"),
    ({"name": "a", "loud": 1}, "loud: must be true or false"),
    ({"name": "a", "light": "moon"}, "light: must be one of day, lamp"),
    ({"name": "a", "film": "blue"}, "film: must be one of colour, grey"),
    ({"name": "a", "lens": 3}, "lens: must be an object, {…}"),
    ({"name": "a", "lens": {"width": "3"}}, "lens.width: must be a finite number"),
    ({"name": "a", "lens": {"width": True}}, "lens.width: must be a finite number"),
    ({"name": "a", "lens": {"width": float("inf")}}, "lens.width: must be a finite number"),
    ({"name": "a", "lens": {"width": -1}}, "lens: width must be above 0"),
    ({"name": "a", "lens": {"marks": "12"}}, "lens.marks: must be a list, […]"),
    ({"name": "a", "lens": {"marks": [1, 2.5]}}, "lens.marks[1]: must be a whole number"),
    ({"name": "a", "lens": {"marks": [1, 2.0]}}, "lens.marks[1]: must be a whole number"),
    ({"name": "a", "spare": {"wide": 1}}, "spare.wide: no such entry; known are marks, width"),
    ({"name": "a", "others": [{"wide": 1}]},
     "others[0].wide: no such entry; known are marks, width"),
    ({"name": "a", "named": {"x": {"wide": 1}}},
     "named.x.wide: no such entry; known are marks, width"),
    ({"name": "a", "named": []}, "named: must be an object, {…}"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), WRONG)
def test_one_line_says_which_entry_is_wrong(data: object, words: str) -> None:
    with pytest.raises(ConfigError) as fault:
        settings(Camera, data)
    assert str(fault.value) == words


def test_the_place_in_a_file_comes_first() -> None:
    with pytest.raises(ConfigError, match=r"^model\.lens\.width: must be"):
        settings(Camera, {"name": "a", "lens": {"width": "x"}}, "model")
    with pytest.raises(ConfigError, match=r"^model: must be an object"):
        settings(Camera, 3, "model")
