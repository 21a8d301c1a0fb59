"""Lets torchvision import beside a torch of another build.

Where torch is the CPU build and torchvision the registry's (CUDA) build, torchvision's compiled
operators cannot load, and ``import torchvision`` fails with *operator torchvision::nms does not
exist*. The house needs none of those operators, only that the import works (open_clip imports
torchvision). Declaring the two operators it looks for is enough. Where the builds match,
:func:`prepare_torchvision` changes nothing.

Call it before any import of open_clip or torchvision.
"""

import importlib
import importlib.util
import sys
from typing import Any

import torch

# torch forgets a library's declarations when the object dies, so it lives as long as the process.
_declared: list[Any] = []

# The two declarations that torchvision's Python code looks up while it is imported.
_NMS = "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_QNMS = "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def prepare_torchvision() -> bool:
    """Makes ``import torchvision`` work; True when the stand-in declarations were needed.

    Raises ``ModuleNotFoundError`` where torchvision is not installed, and whatever torchvision
    raises when it fails for another reason than the one described above.
    """
    if "torchvision" in sys.modules:
        return bool(_declared)
    if importlib.util.find_spec("torchvision") is None:
        raise ModuleNotFoundError(
            "torchvision is not installed: install the ml extra (pip install 'mimia[ml]')"
        )
    try:
        importlib.import_module("torchvision")
    except RuntimeError as failure:
        if "torchvision::nms does not exist" not in str(failure):
            raise
    else:
        return False
    _forget_half_import()
    library: Any = torch.library.Library("torchvision", "DEF")
    library.define(_NMS)
    library.define(_QNMS)
    _declared.append(library)
    importlib.import_module("torchvision")
    return True


def _forget_half_import() -> None:
    """Removes what the failed import left, so that the next one starts from nothing."""
    for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.")]:
        del sys.modules[name]
