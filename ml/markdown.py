"""Markdown from templates: files in the folder ``templates`` beside the code that fills them.

A value that a template names and nobody gave is an error, never an empty place. What may come from
somebody's file goes through ``line`` or, in a table, ``cell``: a line break or a ``|`` in it would
break the page.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ml.metrics import Interval


def render(module: str, template: str, **values: object) -> str:
    """The text of ``template``, which lies beside the file ``module``: ``__file__`` of who calls.
    Raises :class:`jinja2.UndefinedError` where it names what is not in ``values``."""
    return _environment(Path(module).parent / "templates").get_template(template).render(values)


@cache
def _environment(folder: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"line": line, "cell": cell, "figure": figure}
    return environment


def line(text: object) -> str:
    """``text`` on one line."""
    return " ".join(str(text).splitlines())


def cell(text: object) -> str:
    """``text`` as one cell of a table."""
    return line(text).replace("|", r"\|")


def figure(value: object, form: str = ".3f", times: float = 1.0) -> str:
    """A number, ``times`` as much; one with an interval as ``value [low, high]``, an object of
    JSON too; nothing as a dash; any other value as it is. ``form`` is that of :func:`format`."""
    if value is None:
        return "–"
    if isinstance(value, Mapping) and "low" in value:
        value = Interval(value["value"], value["low"], value["high"])
    if isinstance(value, Interval):
        middle, low, high = (
            format(part * times, form) for part in (value.value, value.low, value.high)
        )
        return f"{middle} [{low}, {high}]"
    return format(value * times, form) if isinstance(value, float) else str(value)
