"""Whether a file's own structure says that more of it should be there.

What a header claims about seconds is not believed (it may be that of the sound, or a lie); how many
bytes its parts claim can be checked against the file. Matroska and WebM: the EBML elements of the
segment (RFC 9559). MP4, QuickTime, 3GP: boxes (ISO/IEC 14496-12). AVI: RIFF chunks.
"""

import os
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

_EBML = b"\x1aE\xdf\xa3"
_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675
#: Parts at the top of any real recording; a file of nothing but tiny parts is not looked through.
_MOST_PARTS = 200_000


class Structure(StrEnum):
    """``WHOLE``: every part is all there. ``BROKEN``: parts are missing or destroyed, of a file
    that says how long it is. ``BROKEN_LIVE``: the same of a live recording, which cannot say it.
    ``SILENT``: nothing tells (a live recording without sizes, a stream, no such container).
    ``SEVERAL``: whole, but one recording was put behind another, and players see the first only."""

    WHOLE = "whole"
    BROKEN = "broken"
    BROKEN_LIVE = "broken_live"
    SILENT = "silent"
    SEVERAL = "several"


def structure(path: Path) -> Structure:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] == _EBML:
            return _ebml(file, size)
        if start[4:8] in (b"ftyp", b"styp", b"moov", b"moof", b"wide", b"mdat", b"free", b"skip"):
            return _boxes(file, size)
        if start[:4] == b"RIFF":
            return _riff(file, size)
    return Structure.SILENT


def _ebml(file: BinaryIO, size: int) -> Structure:
    """Every element within the segment and its clusters, one after the other."""
    file.seek(0)
    end: int | None = None  # of the segment, where it is said
    for _ in range(_MOST_PARTS):
        at = file.tell()
        if at == (size if end is None else end):
            return Structure.SILENT if end is None else Structure.WHOLE
        broken = Structure.BROKEN_LIVE if end is None else Structure.BROKEN
        part, length = _number(file, marker=True), _number(file, marker=False)
        if part is None or length is None:
            return broken
        if length >= 0 and file.tell() + length > (size if end is None else end):
            return Structure.BROKEN if part == _SEGMENT else broken
        if part == _SEGMENT and length >= 0:
            end = file.tell() + length
        if part in (_SEGMENT, _CLUSTER):
            continue  # its own parts follow
        if length < 0:
            return Structure.SILENT
        file.seek(length, os.SEEK_CUR)
    return Structure.SILENT


def _number(file: BinaryIO, *, marker: bool) -> int | None:
    """An EBML variable-length number, -1 for *unknown*; None where the file ends within it."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        return None
    value = int.from_bytes(first + rest, "big")
    if marker:
        return value
    value -= 1 << 7 * length
    return -1 if value == (1 << 7 * length) - 1 else value


def _boxes(file: BinaryIO, size: int) -> Structure:
    """Fragments come one after the other: where they stop, more might have come."""
    at, kinds = 0, Counter[bytes]()
    for kind, length in _parts(file, size):
        at += length or 0
        kinds[kind] += 1
        if length is None or at > size:
            return Structure.BROKEN_LIVE if kinds[b"moof"] else Structure.BROKEN
    if kinds[b"moov"] > 1:
        return Structure.SEVERAL
    if kinds[b"moof"]:
        return Structure.SILENT
    return Structure.WHOLE if kinds[b"moov"] else Structure.BROKEN


def _parts(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int | None]]:
    """Kind and length in bytes of each box at the top; None where its head is cut off."""
    at = 0
    for _ in range(_MOST_PARTS):
        if at >= size:
            return
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:  # up to the end of the file
            length = size - at
        if len(head) < 8 or length < 8 or not head[4]:
            yield head[4:8], None
            return
        yield head[4:8], length
        at += length


def _riff(file: BinaryIO, size: int) -> Structure:
    """The chunks of AVI, and of its list of pictures. What outgrows a RIFF goes on in another."""
    at = 0
    for _ in range(_MOST_PARTS):
        if at >= size:
            return Structure.WHOLE
        file.seek(at)
        head = file.read(12)
        kind, length = head[:4], int.from_bytes(head[4:8], "little")
        if kind == b"RIFF" and length in (0, 0xFFFFFFFF):
            return Structure.SILENT
        if len(head) < 8 or not kind.isascii() or not kind.decode().isprintable():
            return Structure.BROKEN
        end = at + 8 + length + length % 2
        if end > size + 1:
            return Structure.BROKEN
        inside = kind == b"RIFF" or (kind == b"LIST" and head[8:] in (b"movi", b"rec "))
        at = at + 12 if inside else end
    return Structure.SILENT
