"""How far a long step is, in words."""

import time
from collections.abc import Callable

Say = Callable[[str], None]


class Timer:
    """Says how far a step is and how long the rest will take, at most every ten seconds."""

    def __init__(self, say: Say, name: str) -> None:
        self._say, self._name = say, name
        self._started = self._said = time.monotonic()

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if done < of and now - self._said < 10:
            return
        self._said = now
        left = (now - self._started) / done * (of - done)
        self._say(f"{self._name}: {done} of {of}, about {left:.0f} s left")
