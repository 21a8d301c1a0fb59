"""From logits to class probabilities, for both kinds of head.

``softmax`` treats classes as unordered; ``corn`` (Shi, Cao & Raschka 2021) learns the
conditionals P(y > k | y > k − 1), so its classes are ordered by construction.
"""

from torch import Tensor
from torch.nn import functional

from ml.scoring.fusion import Head


def log_probabilities(head: Head, logits: Tensor) -> Tensor:
    """Log-probability of each class: (…, outputs) → (…, C)."""
    if head is Head.SOFTMAX:
        return functional.log_softmax(logits, dim=-1)
    above, not_above = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    reached = functional.pad(above.cumsum(dim=-1), (1, 0))  # log P(y > k − 1), k = 0 … C − 1
    return reached + functional.pad(not_above, (0, 1))
