"""Settings files: JSON into frozen dataclasses, every entry against its declared type.

Python's constructors take anything: ``"splits": "train"`` would become the splits t, r, a, i, n,
and a learning rate of "x" would fail an hour later. What an entry may be is said once, by the
dataclass's own annotations, which pydantic checks; ranges are checked by its ``__post_init__``
(docs/decisions/settings.md).
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, TypeVar, get_args, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from ml.errors import ConfigError

T = TypeVar("T", bound="Settings")

UNKNOWN = "unexpected_keyword_argument"
#: What people read for each of pydantic's kinds of fault; its own words for the others.
WORDS = {
    "missing": "the entry is missing",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a finite number",
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list, […]",
    "list_type": "must be a list, […]",
    "dict_type": "must be an object, {…}",
    "model_type": "must be an object, {…}",
    "dataclass_type": "must be an object, {…}",
}


class Settings:
    """Base of the frozen dataclasses that are read from JSON; holds for those within them too."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        strict=True, extra="forbid", allow_inf_nan=False
    )


def read_object(path: Path) -> dict[str, Any]:
    """A JSON file's object. Raises :class:`ConfigError` naming the file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"no such file: {path}") from None
    except OSError as fault:
        raise ConfigError(f"{path} cannot be read: {fault.strerror}") from fault
    except ValueError as fault:
        raise ConfigError(f"{path} is not JSON: {fault}") from fault
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold one JSON object, {{…}}")
    return data


def settings(cls: type[T], data: object, at: str = "") -> T:
    """An instance of the dataclass ``cls``; ``at`` is where ``data`` stands, for messages.

    Raises :class:`ConfigError` naming the entry that is unknown, missing or of another type.
    """
    try:
        # By way of JSON: its lists may be tuples, its words members of an enumeration.
        return TypeAdapter(cls).validate_json(json.dumps(data))
    except ValidationError as fault:
        raise ConfigError(one_line(fault, cls, at)) from None


def one_line(fault: ValidationError, cls: type, at: str = "") -> str:
    """Which entry is wrong, and how. A misspelt one is called so, before the one that is missing
    for it."""
    first = min(fault.errors(), key=lambda one: one["type"] != UNKNOWN)
    steps = [f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]]
    place = "".join((at, *steps)).removeprefix(".")
    if not place and first["type"] == "dataclass_type":
        place = "the settings"
    return f"{place}: {_said(first, cls)}" if place else _said(first, cls)


def plain(config: Any) -> dict[str, Any]:
    """A frozen dataclass as plain JSON types: what :func:`settings` reads."""
    return dict(json.loads(json.dumps(asdict(config))))


def make_folder(path: Path) -> None:
    """The folder that results go to, made before the work. Raises :class:`ConfigError`."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise ConfigError(f"{path} cannot be written to: {fault.strerror}") from fault
    if not os.access(path, os.W_OK | os.X_OK):
        raise ConfigError(f"{path} cannot be written to: no permission")


def _said(fault: ErrorDetails, cls: type) -> str:
    kind = fault["type"]
    if kind == UNKNOWN:
        known = sorted(field.name for field in fields(_owner(cls, fault["loc"][:-1])))
        return f"no such entry; known are {', '.join(known)}"
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    if kind in ("literal_error", "enum"):
        allowed = fault["ctx"]["expected"].replace(" or ", ", ").replace("'", "")
        return f"must be one of {allowed}"
    return WORDS.get(kind) or fault["msg"]


def _owner(kind: Any, steps: Sequence[str | int]) -> Any:
    """The dataclass in which an entry stands, by the annotations on the way to it."""
    for step in steps:
        if is_dataclass(kind):
            kind = get_type_hints(kind)[str(step)]
        else:
            kind = get_args(kind)[0 if isinstance(step, int) else -1]
        if NoneType in get_args(kind):
            kind = get_args(kind)[0]
    return kind
