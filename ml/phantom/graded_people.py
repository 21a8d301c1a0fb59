"""Phantom people with a grade: the committed config, and one person drawn from it.

The config (``grades.json``) says what each MDS-UPDRS 3.2 grade changes and how widely people
spread, so it fixes how much grades overlap. Movement depends on PD only through the grade.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ml.errors import ConfigError
from ml.files import sha256_of
from ml.phantom.identity import Identity, draw_identity
from ml.phantom.performance import Program
from ml.settings import Settings, read_object, settings
from vocabulary.expressions import POSED, Expression

Floats = npt.NDArray[np.float64]

DEFAULT_CONFIG = Path(__file__).with_name("grades.json")
GRADES = range(5)
# Posed expressions whose amplitudes come from the person's own stream of random numbers; each
# later one has a stream for itself.
_DRAWN_TOGETHER = 6
AMPLITUDE_RANGE = (0.02, 2.5)
_PER_GRADE = (
    "blinks_per_minute", "lower_face", "upper_face", "lips_parted", "speed", "latency_s",
    "asymmetry_sd", "tremor_share",
)  # fmt: skip


@dataclass(frozen=True)
class GradeConfig(Settings):
    """See ``reasons`` in the file. Tuples of five run over the grades; spreads are of logarithms
    except ``asymmetry_sd``."""

    name: str
    version: str
    pd_share: float
    grade_given_pd: tuple[tuple[float, ...], tuple[float, ...]]
    blinks_per_minute: tuple[float, ...]
    blinks_log_sd: float
    lower_face: tuple[float, ...]
    upper_face: tuple[float, ...]
    upper_ratio_log_sd: float
    lips_parted: tuple[float, ...]
    lips_parted_concentration: float
    speed: tuple[float, ...]
    speed_log_sd: float
    latency_s: tuple[float, ...]
    latency_log_sd: float
    asymmetry_sd: tuple[float, ...]
    tremor_share: tuple[float, ...]
    amplitude_shared_log_sd: float
    amplitude_own_log_sd: Mapping[str, float]
    digest: str

    def own_log_sd(self, expression: str) -> float:
        """How widely people differ in this expression beside the others; the median of those that
        the file names for one that was added since."""
        named = self.amplitude_own_log_sd
        return float(named.get(expression, np.median(list(named.values()))))

    def prior(self) -> Floats:
        """Probability of each grade (5,) before anything is seen."""
        without, with_pd = (np.array(row) for row in self.grade_given_pd)
        return np.asarray((1 - self.pd_share) * without + self.pd_share * with_pd)

    def pd_given_grade(self) -> Floats:
        """Probability of PD within each grade (5,)."""
        return np.asarray(self.pd_share * np.array(self.grade_given_pd[1]) / self.prior())


def load_config(path: Path = DEFAULT_CONFIG) -> GradeConfig:
    """Raises :class:`ConfigError` naming the file and the entry that cannot work."""
    data = read_object(path)
    shares = data.get("grade_given_pd")
    if isinstance(shares, dict):
        data["grade_given_pd"] = [shares.get("0", []), shares.get("1", [])]
    data["digest"] = sha256_of(path)
    known = {field.name for field in fields(GradeConfig)}
    try:
        config = settings(GradeConfig, {k: v for k, v in data.items() if k in known})
    except ConfigError as fault:
        raise ConfigError(f"{path}: {fault}") from fault
    for name in _PER_GRADE:
        if len(getattr(config, name)) != len(GRADES):
            raise ConfigError(f"{path}: {name} must have one number for each of the 5 grades")
    for row in config.grade_given_pd:
        if len(row) != len(GRADES) or abs(sum(row) - 1.0) > 1e-6:
            raise ConfigError(f"{path}: grade_given_pd must be five shares that add up to 1")
    named = set(config.amplitude_own_log_sd)
    absent = [str(e) for e in POSED[:_DRAWN_TOGETHER] if e not in named]
    if absent:
        raise ConfigError(f"{path}: amplitude_own_log_sd lacks {', '.join(absent)}")
    if unknown := sorted(named - set(POSED)):
        raise ConfigError(f"{path}: amplitude_own_log_sd has no expression {', '.join(unknown)}")
    return config


@dataclass(frozen=True)
class Subject:
    """One phantom person. ``amplitudes`` per posed expression; the rest as in ``Program``."""

    name: str
    pd: bool
    grade: int
    identity: Identity
    amplitudes: Mapping[Expression, float]
    upper: float
    blinks_per_minute: float
    lips_parted: float
    speed: float
    latency_s: float
    asymmetry: float
    tremor: float
    tremor_hz: float

    def program(self, expression: Expression) -> Program:
        return Program(
            amplitude=self.amplitudes.get(expression, 0.0),
            speed=self.speed,
            latency_s=self.latency_s,
            asymmetry=self.asymmetry,
            upper=self.upper,
            blinks_per_minute=self.blinks_per_minute,
            lips_parted=self.lips_parted,
            tremor=self.tremor,
            tremor_hz=self.tremor_hz,
        )


def draw_subject(
    config: GradeConfig, number: int, seed: int, *, grade: int | None = None
) -> Subject:
    """Person ``number`` of the cohort with that seed: the same two numbers give the same person,
    whatever the cohort's size. ``grade`` fixes the grade (PD is then drawn given it)."""
    stream = (seed & 0xFFFFFFFF, 0x50B1, number)
    rng = np.random.default_rng(stream)
    pd = bool(rng.random() < config.pd_share)
    drawn = int(rng.choice(len(GRADES), p=config.grade_given_pd[int(pd)]))
    g = drawn if grade is None else grade
    if grade is not None:
        pd = bool(rng.random() < config.pd_given_grade()[g])
    shared = config.amplitude_shared_log_sd * rng.standard_normal()
    amplitudes = {}
    for place, expression in enumerate(POSED):
        # Whoever was drawn before an expression was added must stay the same person after it.
        is_later = place >= _DRAWN_TOGETHER
        own_rng = np.random.default_rng([*stream, place]) if is_later else rng
        own = config.own_log_sd(expression) * own_rng.standard_normal()
        strength = config.lower_face[g] * np.exp(shared + own)
        amplitudes[expression] = round(float(np.clip(strength, *AMPLITUDE_RANGE)), 4)
    ratio = config.upper_face[g] / config.lower_face[g]

    def about(middle: float, log_sd: float) -> float:
        return round(float(middle * np.exp(log_sd * rng.standard_normal())), 4)

    mean, strength = config.lips_parted[g], config.lips_parted_concentration
    return Subject(
        name=f"phantom-{seed}-{number:05d}",
        pd=pd,
        grade=g,
        upper=about(ratio, config.upper_ratio_log_sd),
        blinks_per_minute=about(config.blinks_per_minute[g], config.blinks_log_sd),
        lips_parted=round(float(rng.beta(mean * strength, (1 - mean) * strength)), 4),
        speed=about(config.speed[g], config.speed_log_sd),
        latency_s=about(config.latency_s[g], config.latency_log_sd),
        asymmetry=round(
            float(np.clip(config.asymmetry_sd[g] * rng.standard_normal(), -0.6, 0.6)), 4
        ),
        tremor=_tremor(rng, config.tremor_share[g]),
        tremor_hz=round(float(rng.uniform(4.0, 6.0)), 2),
        identity=draw_identity(rng),
        amplitudes=amplitudes,
    )


def _tremor(rng: np.random.Generator, share: float) -> float:
    present, size = rng.random() < share, rng.uniform(0.3, 1.0)
    return round(float(size), 3) if present else 0.0
