"""What the drawn person does in one clip: programmed parameters become channel curves and truth.

``perform`` is the whole of it. The same arguments give the same numbers bit for bit on one version
of numpy: every random part has its own stream, so changing one parameter leaves the others alone.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ml.phantom import arkit, movement
from ml.phantom.capture import Capture
from ml.phantom.channels import INDEX, recipe_vector
from ml.phantom.identity import Identity
from vocabulary.expressions import Expression

Floats = npt.NDArray[np.float64]

FIRST_CUE_S = 0.4
HOLD_SHARE = 0.5  # of a cycle, from the cue to make it until the cue to relax
RISE_S, FALL_S = 0.55, 0.65  # at speed 1
RELAX_LATENCY_S = 0.25
CURVES = ("smooth", "recordings")

_STREAMS = ("times", "timing", "blinks", "head", "face", "lips", "tremor", "gaze", "noise")


def stream(seed: int, name: str) -> np.random.Generator:
    """A random stream of its own for each random part of a clip."""
    return np.random.default_rng([seed & 0xFFFFFFFF, 0x5EED, _STREAMS.index(name)])


@dataclass(frozen=True)
class Program:
    """What is programmed. ``amplitude`` 1 is the median of people without PD.

    ``speed`` multiplies the rates of rise and fall; ``latency_s`` from each cue to the onset;
    ``repetitions`` alternate with neutral; ``asymmetry`` in [-1, 1], above 0 the right side moves
    less; ``upper`` multiplies brows and lids beside the lower face; ``blinks_per_minute``;
    ``jitter`` multiplies drift of the face and variation between repetitions (0: none);
    ``lips_parted`` share of the time at rest; ``tremor`` (0: none, 1: a
    plainly visible jaw tremor) of ``tremor_hz``; ``head_motion`` multiplies slow head movement.
    """

    amplitude: float = 1.0
    speed: float = 1.0
    latency_s: float = 0.30
    repetitions: int = 3
    asymmetry: float = 0.0
    upper: float = 1.0
    blinks_per_minute: float = 16.0
    jitter: float = 1.0
    lips_parted: float = 0.0
    tremor: float = 0.0
    tremor_hz: float = 5.0
    head_motion: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.amplitude <= 3.0:
            raise ValueError("amplitude must be from 0 to 3")
        if not 0.05 <= self.speed <= 10.0:
            raise ValueError("speed must be from 0.05 to 10")
        if not 0 <= self.repetitions <= 20:
            raise ValueError("repetitions must be from 0 to 20")
        if not -1.0 <= self.asymmetry <= 1.0:
            raise ValueError("asymmetry must be from -1 to 1")
        if not 0.0 <= self.lips_parted <= 1.0:
            raise ValueError("lips_parted is a share of the time, from 0 to 1")
        if self.latency_s < 0 or self.blinks_per_minute < 0 or self.jitter < 0 or self.tremor < 0:
            raise ValueError("latency, blinks, jitter and tremor must not be negative")


@dataclass(frozen=True, eq=False)
class Performance:
    """``times`` (T,) seconds; ``channels`` (T, C) in the order of ``CHANNELS``; ``intensity`` (T,)
    programmed, amplitude times the unit curve; ``cues`` seconds at which to make the expression."""

    expression: Expression
    program: Program
    identity: Identity
    capture: Capture
    seconds: float
    seed: int
    times: Floats
    channels: npt.NDArray[np.float32]
    intensity: Floats
    cues: tuple[float, ...]
    relax: tuple[float, ...]
    onsets: tuple[float, ...]
    blink_starts: tuple[float, ...]
    curves_from: str

    def truth(self) -> dict[str, Any]:
        """Everything that was programmed, as plain JSON types; the frames' own times."""
        program = asdict(self.program)
        return {
            "schema": 1,
            "phantom": True,
            "expression": str(self.expression),
            "seed": self.seed,
            "seconds": self.seconds,
            "curves_from": self.curves_from,
            "t": [round(float(t), 4) for t in self.times],
            "intensity": [round(float(i), 5) for i in self.intensity],
            "cues_s": list(self.cues),
            "relax_s": list(self.relax),
            "onsets_s": list(self.onsets),
            "blinks_s": list(self.blink_starts),
            **program,
            "blink_rate": self.program.blinks_per_minute,
            "identity": asdict(self.identity),
            "skin": self.identity.skin,
            "light": self.capture.light,
            "capture": asdict(self.capture),
        }


def perform(
    expression: Expression | str,
    amplitude: float = 1.0,
    speed: float = 1.0,
    seed: int = 0,
    *,
    seconds: float = 10.0,
    program: Program | None = None,
    identity: Identity | None = None,
    capture: Capture | None = None,
    curves_from: str = "smooth",
) -> Performance:
    """One clip's performance. ``program`` gives the parameters beyond amplitude and speed, which it
    then carries itself. ``curves_from`` "smooth" (minimum jerk) or "recordings" (``arkit.py``;
    these need MIMIA_DATA). Raises ValueError for an unknown expression or a value out of range."""
    if curves_from not in CURVES:
        raise ValueError(f"curves come from {' or '.join(CURVES)}, not {curves_from}")
    kind = Expression(expression)
    plan = program if program is not None else Program(amplitude=amplitude, speed=speed)
    if kind is Expression.REST:
        plan = replace(plan, repetitions=0)
    if not 0.2 <= seconds <= 120.0:
        raise ValueError("seconds must be from 0.2 to 120")
    film, person = capture or Capture(), identity or Identity()
    times = film.frame_times(seconds, stream(seed, "times"))
    shapes = arkit.episodes(kind) if curves_from == "recordings" and plan.repetitions else None
    unit, cues, relax, onsets = _repetitions(plan, seconds, times, stream(seed, "timing"), shapes)
    intensity = plan.amplitude * unit
    starts = movement.blink_starts(stream(seed, "blinks"), seconds, plan.blinks_per_minute)
    recipe = np.asarray(recipe_vector(kind, plan.asymmetry, plan.upper))
    channels = intensity[:, None] * recipe
    _add_life(channels, times, plan, starts, unit, seed)
    return Performance(
        expression=kind,
        program=plan,
        identity=person,
        capture=film,
        seconds=seconds,
        seed=seed,
        times=times,
        channels=channels.astype(np.float32),
        intensity=intensity,
        cues=cues,
        relax=relax,
        onsets=onsets,
        blink_starts=tuple(starts),
        curves_from=curves_from,
    )


_Cues = tuple[float, ...]


def _repetitions(
    plan: Program,
    seconds: float,
    times: Floats,
    rng: np.random.Generator,
    shapes: Floats | None,
) -> tuple[Floats, _Cues, _Cues, _Cues]:
    """The unit curve (T,) and the times of the cues, of the cues to relax and of the onsets."""
    unit = np.zeros_like(times)
    cues, relaxes, onsets = [], [], []
    cycle = (seconds - FIRST_CUE_S) / max(plan.repetitions, 1)
    for k in range(plan.repetitions):
        cue = FIRST_CUE_S + k * cycle
        relax = cue + HOLD_SHARE * cycle
        late, high = np.clip(rng.standard_normal(2), -2.0, 2.0) * min(plan.jitter, 2.0)
        onset = cue + plan.latency_s * (1.0 + 0.08 * late)
        end = relax + RELAX_LATENCY_S * plan.latency_s / 0.3
        rise, fall = RISE_S / plan.speed, FALL_S / plan.speed
        if shapes is None:
            shape = movement.pulse(times, onset, rise, max(end, onset + 0.05), fall)
        else:
            episode = shapes[int(rng.integers(len(shapes)))]
            length = end - onset + FALL_S / plan.speed
            shape = arkit.play(episode, times, onset, max(length, 0.3))
        unit = np.maximum(unit, shape * (1.0 + 0.04 * high))
        cues.append(round(cue, 4))
        relaxes.append(round(relax, 4))
        onsets.append(round(onset, 4))
    return unit, tuple(cues), tuple(relaxes), tuple(onsets)


def _add_life(
    channels: Floats,
    t: Floats,
    plan: Program,
    blink_starts: list[float],
    unit: Floats,
    seed: int,
) -> None:
    """Blinks, parted lips at rest, tremor and small wandering, added to ``channels`` (T, C)."""
    closed = movement.blinks(t, blink_starts)
    for name in ("blink_right", "blink_left"):
        channels[:, INDEX[name]] = np.maximum(channels[:, INDEX[name]], closed)
    face = stream(seed, "face")
    still = 0.02 * plan.jitter
    for name in ("smile", "brow_inner", "brow_outer", "squint"):
        both = still * movement.drift(t, face)
        for side in ("right", "left"):
            own = 0.3 * still * movement.drift(t, face)
            channels[:, INDEX[f"{name}_{side}"]] += both + own
    parted = movement.episodes(t, stream(seed, "lips"), plan.lips_parted)
    channels[:, INDEX["part"]] += 0.45 * parted * np.clip(1.0 - unit, 0.0, 1.0)
    channels[:, INDEX["jaw"]] += 0.10 * parted * np.clip(1.0 - unit, 0.0, 1.0)
    if plan.tremor:
        shake = plan.tremor * movement.oscillation(t, stream(seed, "tremor"), plan.tremor_hz)
        channels[:, INDEX["jaw"]] += 0.06 * (shake + plan.tremor)
        channels[:, INDEX["roll"]] += 0.25 * shake
    head = stream(seed, "head")
    size = plan.head_motion
    scales = {
        "yaw": 1.6, "pitch": 1.2, "roll": 0.7, "shift_x": 0.03, "shift_y": 0.02, "scale": 0.008
    }  # fmt: skip
    for name, scale in scales.items():
        channels[:, INDEX[name]] += size * scale * movement.drift(t, head)
    gaze = stream(seed, "gaze")
    for name in ("gaze_x", "gaze_y"):
        channels[:, INDEX[name]] += 0.04 * plan.jitter * movement.drift(t, gaze)
