"""How a stored picture is meant to be shown: turned, mirrored, with square pixels."""

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

import numpy as np
import numpy.typing as npt
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideData
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

# A face that fills a fifth of the picture keeps the 192 pixels that the mesh looks at.
LONGEST_SIDE = 960


@dataclass(frozen=True)
class Shown:
    """``size``: width and height with square pixels, turned. ``across`` is set where the display
    matrix exchanges the axes; then the new x and y run backwards where ``back_x`` and ``back_y``
    say so. The matrix is that of the MP4 track header (ISO/IEC 14496-12): eight of its values are
    turns by 90° and reflections, and anything between is taken for the nearest of them.
    """

    size: tuple[int, int]
    stored: tuple[int, int] = field(repr=False)
    across: bool = False
    back_x: bool = False
    back_y: bool = False

    @classmethod
    def of(cls, picture: VideoFrame, stream: VideoStream) -> "Shown":
        width, height = _square(picture, stream)
        beside = cast("SideDataContainer", picture.side_data)
        if SideData.DISPLAYMATRIX not in beside:
            return cls((width, height), (width, height))
        matrix = beside[SideData.DISPLAYMATRIX]
        # x' = a·x + c·y, y' = b·x + d·y
        a, b, _, c, d = struct.unpack("<5i", bytes(matrix)[:20])
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls((height, width), (width, height), True, c < 0, b < 0)
        return cls((width, height), (width, height), False, a < 0, d < 0)

    @property
    def mirrored(self) -> bool:
        return (self.back_x != self.back_y) != self.across

    def rgb(self, picture: VideoFrame) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8, at most 960 pixels long; a view where the axes were changed."""
        width, height = self.stored
        scale = min(1.0, LONGEST_SIDE / max(width, height))
        reduced = picture.reformat(
            width=max(2, round(width * scale)),
            height=max(2, round(height * scale)),
            format="rgb24",
            interpolation="AREA" if scale < 1 else None,
        )
        rgb: npt.NDArray[np.uint8] = reduced.to_ndarray().astype(np.uint8, copy=False)
        if self.across:
            rgb = rgb.transpose(1, 0, 2)
        if self.back_y:
            rgb = rgb[::-1]
        if self.back_x:
            rgb = rgb[:, ::-1]
        return rgb


#: Pixel shapes beyond this (twice PAL's widest) are a damaged header.
_MOST_ASPECT = Fraction(3, 1)


def _square(picture: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height with square pixels: the shorter side of an oblong pixel is stretched."""
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or Fraction(1)
    if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
        aspect = Fraction(1)
    if aspect > 1:
        return round(picture.width * aspect), picture.height
    return picture.width, round(picture.height / aspect)
