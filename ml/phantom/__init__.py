"""Drawn faces with programmed expressions: ground truth without patients.

``perform`` programmes a clip, ``render`` draws it, ``write_clip`` encodes it. Figures measured on
phantoms verify software; they say nothing about people.
"""

from ml.phantom.capture import Capture
from ml.phantom.film import frame_digest, write_clip
from ml.phantom.identity import Identity, draw_identity
from ml.phantom.performance import Performance, Program, perform
from ml.phantom.render import render

__all__ = [
    "Capture",
    "Identity",
    "Performance",
    "Program",
    "draw_identity",
    "frame_digest",
    "perform",
    "render",
    "write_clip",
]
