"""What is said of one mutant: whether it is drawn, where it stands, what it changed."""

import hashlib
from typing import Any


def drawn(module: str, item: Any) -> float:
    """Between 0 and 1, the same at each call: a mutant is tried where it is below the share."""
    (spec,) = item.mutations
    name = f"{module} {spec.operator_name} {spec.occurrence}"
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32


def item_number(item: Any) -> int:
    return int(item.job_id[:5], 16)


def where(item: Any) -> str:
    (spec,) = item.mutations
    return f"{spec.start_pos[0]}:{spec.start_pos[1]} {spec.operator_name.partition('/')[2]}"


def is_python(source: str) -> bool:
    """Whether it can be read at all: what any test kills says nothing of the tests."""
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def changed(before: str, after: str) -> str:
    """The lines that differ: ``- old`` and ``+ new``, stripped."""
    old, new = before.splitlines(), after.splitlines()
    first = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    same = 0
    while same < min(len(old), len(new)) - first and old[-1 - same] == new[-1 - same]:
        same += 1
    gone = " ".join(line.strip() for line in old[first : len(old) - same])
    come = " ".join(line.strip() for line in new[first : len(new) - same])
    return f"- {gone}\n+ {come}"
