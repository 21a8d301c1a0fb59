"""Settings of the CLIP intensity network, as data: what a bundle stores and a training run reads.

The sizes follow the nearest open recipe (DFER-CLIP: temporal transformer of depth 1, 8 heads,
width 512, 8 learned class-specific context tokens, cosine / 0.01). The paper this re-implements
from its abstract does not give them, so each one stays a setting.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from ml.errors import ConfigError
from ml.settings import Settings, settings
from vocabulary.expressions import POSED, Expression


@dataclass(frozen=True)
class NetworkConfig(Settings):
    """Architecture of :class:`ml.intensity.network.IntensityNetwork`.

    ``embed_dim`` width of the image and text embeddings (512 for ViT-B/32).
    ``expressions`` scored expressions; the neutral is always added and is not among them.
    ``positions`` learned time positions at ``position_rate`` per second: 256 at 10 Hz hold 25 s;
    a longer clip has its times squeezed into the table.
    ``temperature`` divides the cosines in the class loss.
    ``initial_tau`` starting value of every learned intensity scale τ_e, in cosine units.
    """

    embed_dim: int = 512
    expressions: tuple[str, ...] = tuple(str(e) for e in POSED)
    temporal_width: int = 512
    temporal_depth: int = 1
    temporal_heads: int = 8
    positions: int = 256
    position_rate: float = 10.0
    context_tokens: int = 8
    temperature: float = 0.01
    initial_tau: float = 0.05

    def __post_init__(self) -> None:
        if not self.expressions or not all(name in POSED for name in self.expressions):
            raise ConfigError(f"expressions must be some of {', '.join(POSED)}")
        if self.temporal_width % self.temporal_heads:
            raise ConfigError("temporal_width must be a multiple of temporal_heads")
        positive = ("embed_dim", "positions", "position_rate", "context_tokens", "temperature")
        for name in (*positive, "initial_tau", "temporal_depth", "temporal_heads"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name} must be above 0")

    @property
    def classes(self) -> tuple[str, ...]:
        """All text classes in the order of their embeddings; the neutral comes first."""
        return (str(Expression.REST), *self.expressions)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "expressions": list(self.expressions)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        return settings(cls, data)
