"""Whether a file's own structure says that more of it should follow.

What a header claims about seconds is not believed (it may be that of the sound, or a lie); how many
bytes its parts claim can be checked against the file. Matroska and WebM: the EBML elements of the
segment (RFC 9559). MP4, QuickTime, 3GP: boxes (ISO/IEC 14496-12). AVI: RIFF chunks.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_EBML = b"\x1aE\xdf\xa3"
_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675
#: Parts at the top of any real recording; a file of nothing but tiny parts is not looked through.
_MOST_PARTS = 200_000


def breaks_off(path: Path) -> bool | None:
    """True: its last part is not all there. False: every part is. None: nothing says so (a live
    recording without sizes, a stream), or it is no such container."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(12)
        if start[:4] == _EBML:
            return _ebml(file, size)
        if start[4:8] in (b"ftyp", b"styp", b"moov", b"moof", b"wide", b"mdat", b"free", b"skip"):
            return _boxes(file, size)
        if start[:4] == b"RIFF":
            return _riff(file, size)
    return None


def _ebml(file: BinaryIO, size: int) -> bool | None:
    file.seek(0)
    sized = True
    for _ in range(_MOST_PARTS):
        at = file.tell()
        if at == size:
            return False if sized else None
        part, length = _number(file, marker=True), _number(file, marker=False)
        if part is None or length is None:
            return True
        if part in (_SEGMENT, _CLUSTER):
            known = length >= 0
            if known and file.tell() + length > size:
                return True
            if part == _SEGMENT:
                sized = known
            if known and part == _SEGMENT:
                return False
            if not known:
                continue  # its own parts follow
        elif length < 0:
            return None
        if file.tell() + length > size:
            return True
        file.seek(length, os.SEEK_CUR)
    return None


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


def _boxes(file: BinaryIO, size: int) -> bool | None:
    """Fragments come one after the other: where they stop, more might have come."""
    at, fragments, indexed = 0, False, False
    for kind, length in _parts(file, size):
        if length is None:
            return True
        fragments |= kind == b"moof"
        indexed |= kind in (b"moov", b"mfra")
        at += length
        if at > size:
            return True
    return None if fragments else not indexed


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
        if len(head) < 8 or length < 8:
            yield head[4:8], None
            return
        yield head[4:8], length
        at += length


def _riff(file: BinaryIO, size: int) -> bool | None:
    file.seek(4)
    length = int.from_bytes(file.read(4), "little")
    return None if length in (0, 0xFFFFFFFF) else 8 + length > size
