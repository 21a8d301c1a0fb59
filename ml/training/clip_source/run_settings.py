"""Settings of one training run of the intensity network, as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from ml.errors import ConfigError
from ml.intensity.encoder import ENCODED_PER_SECOND, Precision
from ml.intensity.network_config import NetworkConfig
from ml.settings import Settings, settings
from ml.training.clip_source.losses import LossWeights

KIND = "intensity"


@dataclass(frozen=True)
class Rates:
    """Learning rate of each group of parameters (DFER-CLIP's values for its SGD)."""

    image: float = 1e-5
    temporal: float = 1e-2
    prompt: float = 1e-3


@dataclass(frozen=True)
class TrainConfig(Settings):
    """One run.

    ``cohort`` directory with a manifest; ``weights`` CLIP as ``local-dir:PATH``.
    ``image_blocks`` of the image tower that learn (0 frozen, -1 all); ``tune_text`` the text tower.
    ``labels``: where a clip's intensity is known from, what was programmed (drawn people) or the
    blendshapes of the same clip (real ones, docs/decisions/blendshapes.md).
    ``splits`` of the manifest that are trained on; the figures of ``watch``
    are only reported after each epoch (``watched_…`` in the log), never chosen by.
    ``frames``, ``rest_frames`` length of a training window at ``rate`` frames per second.
    ``batch`` clips per step over all processes together; ``light``, ``noise`` and
    ``flip`` see ``learner.Cut``.
    """

    cohort: str
    weights: str
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossWeights = field(default_factory=LossWeights)
    rates: Rates = field(default_factory=Rates)
    image_blocks: int = 0
    tune_text: bool = False
    optimiser: Literal["sgd", "adamw"] = "sgd"
    weight_decay: float = 1e-4
    warmup: float = 0.05
    clip_gradient: float = 1.0
    epochs: int = 50
    batch: int = 16
    frames: int = 48
    rest_frames: int = 32
    rate: float = ENCODED_PER_SECOND
    light: float = 0.0
    noise: float = 0.0
    flip: bool = False
    precision: Precision = "bf16"
    labels: Literal["programmed", "blendshapes"] = "programmed"
    splits: tuple[str, ...] = ("train",)
    watch: tuple[str, ...] = ("val",)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch", "frames", "rest_frames", "rate"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be above 0")
        if set(self.splits) & set(self.watch) or not self.splits:
            raise ConfigError("splits must name at least one split and none that is in watch")

    def to_json(self) -> dict[str, Any]:
        data = {**asdict(self), "kind": KIND, "network": self.network.to_json()}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in data.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises ``ConfigError`` for unknown, missing or impossible settings."""
        return settings(cls, {k: v for k, v in data.items() if k != "kind"})
