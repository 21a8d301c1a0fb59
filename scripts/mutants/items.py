"""What is said of one mutant: whether it is drawn, where it stands, what it changed."""

import ast
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


def row(name: str, asked: int, done: int, killed: int, same: int) -> str:
    """A line of the report; of a sample the share with its interval (Wilson's, 95 %)."""
    counted = done - same
    share = "–"
    if counted:
        share = f"{100 * killed / counted:.0f} %"
        if done < asked:
            z2, p = 1.96**2, killed / counted
            middle = (p + z2 / (2 * counted)) / (1 + z2 / counted)
            half = (z2 * (p * (1 - p) / counted + z2 / (4 * counted**2))) ** 0.5 / (
                1 + z2 / counted
            )
            share += f" ({100 * (middle - half):.0f}–{100 * (middle + half):.0f})"
    return f"| {name} | {asked} | {done} | {killed} | {same} | {counted - killed} | {share} |"


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


def lines_of(source: str, first: int, last: int) -> set[int]:
    """The lines whose tests may see a change in these: they themselves and, of what a module or a
    class says as it is imported, every line that reads a name which is given there."""
    found = set(range(first, last + 1))
    tree = ast.parse(source)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    bodies: list[ast.Module | ast.ClassDef] = [tree, *classes]
    said = [
        one for body in bodies for one in body.body if isinstance(one, ast.Assign | ast.AnnAssign)
    ]
    names: set[str] = set()

    def given(one: ast.stmt) -> set[str]:
        named = (node for node in ast.walk(one) if isinstance(node, ast.Name))
        return {node.id for node in named if isinstance(node.ctx, ast.Store)}

    for one in said:
        if one.lineno <= last and first <= (one.end_lineno or one.lineno):
            names |= given(one)
    # A constant that is made of this one is read in other places.
    for one in said:
        if names & {node.id for node in ast.walk(one) if isinstance(node, ast.Name)}:
            names |= given(one)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            found.add(node.lineno)
    return found
