"""Settings files: JSON into frozen dataclasses, every entry against its declared type.

Python's constructors take anything: ``"splits": "train"`` would become the splits t, r, a, i, n,
and a learning rate of "x" would fail an hour later. What an entry may be is said once, by the
dataclass's own annotations; ranges are checked by its ``__post_init__``.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ml.errors import ConfigError

T = TypeVar("T")


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
    if not isinstance(data, Mapping):
        raise ConfigError(f"{at or 'the settings'}: must be an object, {{…}}")
    known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(data) - set(known)):
        raise ConfigError(
            f"{_inside(at, unknown[0])}: no such entry; known are {', '.join(sorted(known))}"
        )
    required = [n for n, f in known.items() if f.default is MISSING is f.default_factory]
    if missing := [name for name in required if name not in data]:
        raise ConfigError(f"{_inside(at, missing[0])}: the entry is missing")
    types = get_type_hints(cls)
    values = {n: _value(types[n], v, _inside(at, n)) for n, v in data.items()}
    try:
        return cls(**values)
    except ConfigError as fault:
        raise ConfigError(f"{at}: {fault}" if at else str(fault)) from fault


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


def _inside(at: str, name: str) -> str:
    return f"{at}.{name}" if at else str(name)


def _value(kind: Any, value: Any, at: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        if value is None and NoneType in arguments:
            return None
        if isinstance(value, bool) and bool in arguments:
            return value
        return _value(next(a for a in arguments if a not in (NoneType, bool)), value, at)
    if origin is Literal:
        return _one_of(arguments, value, at)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{at}: must be a list, […]")
        return tuple(_value(arguments[0], v, f"{at}[{n}]") for n, v in enumerate(value))
    if is_dataclass(kind):
        return settings(kind, value, at)  # type: ignore[arg-type]
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(_one_of([str(k) for k in kind], value, at))
    return _plain(origin or kind, value, at)


def _one_of(allowed: Any, value: Any, at: str) -> Any:
    if value not in allowed:
        raise ConfigError(f"{at}: must be one of {', '.join(map(str, allowed))}")
    return value


def _plain(kind: Any, value: Any, at: str) -> Any:
    fits, word = _PLAIN[kind]
    if not fits(value):
        raise ConfigError(f"{at}: must be {word}")
    return float(value) if kind is float else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


_PLAIN: dict[Any, tuple[Callable[[Any], bool], str]] = {
    str: (lambda v: isinstance(v, str), "a text"),
    bool: (lambda v: isinstance(v, bool), "true or false"),
    int: (lambda v: isinstance(v, int) and not isinstance(v, bool), "a whole number"),
    float: (_is_number, "a finite number"),
    Mapping: (lambda v: isinstance(v, Mapping), "an object, {…}"),
}
