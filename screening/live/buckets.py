"""How often somebody may do something: a few times at once, then at a steady pace."""

from dataclasses import dataclass


@dataclass
class Bucket:
    """Holds ``size`` drops, gets ``refill`` more each second; doing it once takes one out."""

    size: float
    refill: float
    now: float

    def __post_init__(self) -> None:
        self._drops = self.size

    def take(self, now: float) -> bool:
        """False: too often."""
        self._fill(now)
        if self._drops < 1:
            return False
        self._drops -= 1
        return True

    def is_full(self, now: float) -> bool:
        self._fill(now)
        return self._drops >= self.size

    def _fill(self, now: float) -> None:
        self._drops = min(self.size, self._drops + (now - self.now) * self.refill)
        self.now = now
