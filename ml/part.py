"""A learnt part of a bundle as two files: settings (JSON) and tensors (safetensors).

The LSTM and every intensity source with weights lie in a folder of this shape, in a bundle or
alone. A part knows what its settings mean and which tensors it has; how they are written, verified
and refused is said here, once. The settings hold the SHA-256 of the tensors and are written last:
where they are, the part is whole.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ml.errors import ConfigError, WeightsError
from ml.files import sha256_of, whole, write_json

SCHEMA = 1
TENSORS_SHA256 = "tensors_sha256"
Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class PartFiles:
    """``name`` of both files, without their endings; ``what`` the part is, for messages."""

    name: str
    what: str

    @property
    def settings(self) -> str:
        return f"{self.name}.json"

    @property
    def tensors(self) -> str:
        return f"{self.name}.safetensors"

    @property
    def both(self) -> tuple[str, str]:
        return self.settings, self.tensors

    def write(
        self, folder: Path, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]
    ) -> None:
        """Both files, the settings last."""
        with whole(folder / self.tensors) as partial:
            own = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
            save_file(own, partial)
        digest = sha256_of(folder / self.tensors)
        described = {**settings, "schema": SCHEMA, TENSORS_SHA256: digest}
        write_json(folder / self.settings, described, indent=2, is_sorted=True)

    def read(self, folder: Path) -> tuple[dict[str, Any], Tensors]:
        """What :meth:`write` wrote. Raises :class:`WeightsError` naming the file that is missing,
        changed, or no such file at all."""
        settings, tensors = folder / self.settings, folder / self.tensors
        for file in (settings, tensors):
            if not file.is_file():
                raise WeightsError("the file is missing", file=file)
        with self.reading(folder):
            described = json.loads(settings.read_text(encoding="utf-8"))
            if described[TENSORS_SHA256] != sha256_of(tensors):
                raise WeightsError(f"changed since it was saved ({self.settings})", file=tensors)
        try:
            return described, load_file(tensors)
        except SafetensorError as fault:
            raise WeightsError(f"not a readable safetensors file: {fault}", file=tensors) from fault

    @contextmanager
    def reading(self, folder: Path) -> Iterator[None]:
        """What settings make go wrong in the block becomes an error that names their file."""
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError, ConfigError) as fault:
            raise WeightsError(
                f"not the settings of {self.what}: {fault}", file=folder / self.settings
            ) from fault

    def fill(
        self, module: nn.Module, tensors: Mapping[str, Tensor], folder: Path, prefix: str = ""
    ) -> None:
        """The tensors whose names begin with ``prefix`` become the module's. Raises
        :class:`WeightsError` where they are not those of the settings."""
        own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        try:
            module.load_state_dict(own)
        except RuntimeError as fault:
            first = " ".join(str(fault).splitlines()[1:2]).strip()
            raise WeightsError(
                f"does not match {self.settings}: {first}", file=folder / self.tensors
            ) from fault
        module.eval()
