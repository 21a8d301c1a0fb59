"""How many people of each kind the page on phantoms is computed from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """How many people of each kind. The default takes about ten minutes on two idle cores.

    ``filmed`` held-out people, drawn and measured at 640 × 480 and 30 frames a second, and again
    under each condition; ``learning`` people drawn small for the tiny CLIP; ``simulated`` people
    for the LSTM, ``simulated_test`` others to test it.
    """

    expressions: tuple[str, ...] = ("smile", "disgust", "surprise")
    conditions: tuple[str, ...] = ("dark", "noise", "15fps", "dropped")
    filmed: int = 10
    learning: int = 40
    simulated: int = 4000
    simulated_test: int = 1500
    seconds: float = 10.0
    clip_epochs: int = 12
    lstm_epochs: int = 15
    seed: int = 20260
