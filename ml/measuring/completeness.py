"""Whether all of a recording is there, and whether its clock runs as other clocks do.

Decoders read damaged files without complaint, and believe any clock: what was read is compared with
the file's own structure, with what the browser announced, and with the file's sound and the prompts
where there are any.
"""

import math
from collections.abc import Sequence
from pathlib import Path

from ml.errors import ClipUnusable
from ml.measuring import container, quality, sound
from ml.measuring.video import Announced, Decoding
from vocabulary.reasons import UnusableReason

#: A recording may end this much earlier than announced before it counts as cut off.
SHORTFALL_SECONDS = 0.75
SHORTFALL_SHARE = 0.1
#: So many of the announced frames at least are there, where only the times can be wrong.
ALL_FRAMES = 0.9
#: A recorder may be stopped late; no clock that is right runs on by this factor beyond its time.
OVERRUN = 1.5
#: A sound that begins with the picture, within so many seconds, lasts as long.
TOGETHER_S = 0.5


def check_size(path: Path, announced: Announced | None) -> None:
    """Before anything is read. Raises :class:`ClipUnusable`."""
    size = path.stat().st_size
    if announced and announced.bytes is not None and 0 < size < announced.bytes:
        raise ClipUnusable(
            UnusableReason.TRUNCATED,
            f"{size:,} bytes arrived of the {announced.bytes:,} that were recorded",
        )


def check(
    path: Path, decoding: Decoding, announced: Announced | None, cues: Sequence[float] = ()
) -> None:
    """What was decoded against what should be there; ``cues`` seconds of the prompts. Raises
    :class:`ClipUnusable`."""
    _check_damage(decoding)
    shape = container.structure(path)
    if shape is container.Structure.SEVERAL:
        raise ClipUnusable(
            UnusableReason.TRUNCATED,
            "the file holds several recordings, one behind the other, of which only the first can"
            " be read",
        )
    said = announced.seconds if announced else None
    if shape is container.Structure.BROKEN_LIVE and said is None:
        raise ClipUnusable(
            UnusableReason.TRUNCATED,
            f"the file breaks off within a part after {decoding.last_t:.1f} seconds, and nothing"
            " says how long the recording was",
        )
    if said and math.isfinite(said):
        _check_clock(decoding, said, announced.frames if announced else None)
    else:
        _check_against_sound(path, decoding)
        _check_against_cues(decoding, cues)
    _check_length(decoding, said, announced.frames if announced else None, share=0.5)
    if shape in (container.Structure.BROKEN, container.Structure.SILENT):
        # A claim counts only where bytes may be missing: a file that is all there holds what it
        # holds, whatever its header says. The whole file's seconds may be those of its sound.
        claimed = decoding.stream_seconds or decoding.container_seconds
        frames = decoding.stream_frames if shape is container.Structure.BROKEN else None
        _check_length(decoding, claimed, frames, share=1 - SHORTFALL_SHARE)


def _check_damage(decoding: Decoding) -> None:
    lost = decoding.damaged + decoding.unordered
    if lost > max(1, quality.MAX_DAMAGED * (decoding.frames + lost)):
        raise ClipUnusable(
            UnusableReason.TRUNCATED,
            f"{lost} pictures beside the {decoding.frames} readable ones are damaged or have no"
            " place in time",
        )


def _allowed(seconds: float) -> float:
    return max(SHORTFALL_SECONDS, SHORTFALL_SHARE * seconds)


def _check_clock(decoding: Decoding, seconds: float, frames: int | None) -> None:
    """The file's clock against the recorder's own ``seconds``: too slow, or all frames are there
    in too short a time."""
    is_long = decoding.last_t > OVERRUN * seconds + SHORTFALL_SECONDS
    is_short = (
        frames is not None
        and decoding.frames >= ALL_FRAMES * frames
        and OVERRUN * decoding.last_t < seconds - _allowed(seconds)
    )
    if is_long or is_short:
        raise ClipUnusable(
            UnusableReason.WRONG_CLOCK,
            f"{decoding.frames} frames last {decoding.last_t:.1f} seconds in the file, and the"
            f" recorder was at work for {seconds:.1f}",
        )


def _check_against_sound(path: Path, decoding: Decoding) -> None:
    """Picture and sound that begin together last alike, or one of their clocks is wrong. A sound
    that begins before the picture may be longer."""
    heard = sound.span(path)
    if heard is None or abs(heard.start - decoding.start) > TOGETHER_S:
        return
    shorter, longer = sorted((decoding.last_t, heard.seconds))
    if longer > OVERRUN * shorter + SHORTFALL_SECONDS:
        raise ClipUnusable(
            UnusableReason.WRONG_CLOCK,
            f"the picture lasts {decoding.last_t:.1f} seconds, and the sound that begins with it"
            f" {heard.seconds:.1f}",
        )


def _check_against_cues(decoding: Decoding, cues: Sequence[float]) -> None:
    last = max(cues, default=0.0)
    if last > decoding.last_t + SHORTFALL_SECONDS:
        raise ClipUnusable(
            UnusableReason.WRONG_CLOCK,
            f"the last prompt came after {last:.1f} seconds, and the picture ends after"
            f" {decoding.last_t:.1f}",
        )


def _check_length(
    decoding: Decoding, seconds: float | None, frames: int | None, *, share: float
) -> None:
    """Against seconds and frames of picture that should be there, of the frames this share."""
    if seconds and math.isfinite(seconds) and decoding.last_t < seconds - _allowed(seconds):
        raise ClipUnusable(
            UnusableReason.TRUNCATED,
            f"{decoding.last_t:.1f} of {seconds:.1f} seconds can be read",
        )
    if frames and decoding.frames < share * frames:
        raise ClipUnusable(
            UnusableReason.TRUNCATED, f"{decoding.frames} of {frames} frames can be read"
        )
