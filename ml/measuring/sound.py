"""How long a file's sound is. It is not listened to: its clock is another witness of the time."""

from dataclasses import dataclass
from pathlib import Path

from ml.errors import ClipUnusable
from ml.measuring import video


@dataclass(frozen=True)
class Span:
    """Seconds of the file's clock at which the sound begins, and which it lasts."""

    start: float
    seconds: float


def span(path: Path, limits: video.Limits | None = None) -> Span | None:
    """Of the first sound track; None without one, and where it has no times."""
    start, end = None, 0.0
    try:
        with video.opened(path, limits or video.Limits()) as container:
            if not container.streams.audio:
                return None
            for packet in container.demux(container.streams.audio[0]):
                if packet.pts is None or packet.time_base is None:
                    continue
                time = float(packet.pts * packet.time_base)
                start = time if start is None else start
                end = max(end, time + float((packet.duration or 0) * packet.time_base))
    except (ClipUnusable, *video.UNREADABLE):
        pass  # so far as it can be read
    return None if start is None else Span(start, end - start)
