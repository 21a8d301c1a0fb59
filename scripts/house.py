"""``python scripts/house.py [REVISION]``: the shape of the science, counted.

Lines, files and rooms (folders) of ``ml``, and the lines of code among them (no comment, docstring
or blank); what stands in circles, of modules and of whole rooms;
imports that stand inside functions. With a git revision, of that one. That no import runs up is
held by the layers contract in pyproject.toml.
"""

import ast
import io
import subprocess
import sys
import tarfile
import tempfile
import tokenize
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "ml"
Imports = dict[str, set[str]]


def modules(root: Path) -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for file in sorted((root / PACKAGE).rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported(tree: ast.AST, known: set[str]) -> set[str]:
    """The package's modules that a syntax tree imports, wherever in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & known) or {node.module}
    return found & known


def inside_functions(tree: ast.AST) -> int:
    """Import statements within functions."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    lines = {
        inner.lineno
        for function in functions
        for inner in ast.walk(function)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }
    return len(lines)


def lines_of_code(text: str, tree: ast.AST) -> int:
    """Lines that hold neither a comment alone nor a docstring nor nothing."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, kinds) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            docstrings |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    idle = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    used: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in idle | {tokenize.ENDMARKER}:
            used |= set(range(token.start[0], token.end[0] + 1))
    return len(used - docstrings)


def circles(imports: Imports) -> list[set[str]]:
    """Groups of modules each of which reaches all others (of two or more)."""
    reached = {name: reach(name, imports) for name in imports}
    groups = {
        frozenset(other for other in reached[name] if name in reached[other]) for name in imports
    }
    return [set(group) for group in groups if len(group) > 1]


def reach(name: str, imports: Imports) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for other in imports[waiting.pop()] - seen:
            seen.add(other)
            waiting.append(other)
    return seen


def between_rooms(imports: Imports) -> Imports:
    """The same, with each folder of the package as one room."""

    def room(module: str) -> str:
        return ".".join(module.split(".")[:2])

    found: Imports = defaultdict(set)
    for module, others in imports.items():
        found[room(module)] |= {room(other) for other in others} - {room(module), PACKAGE}
    return found


def count(root: Path) -> dict[str, int]:
    files = modules(root)
    trees = {name: ast.parse(file.read_text()) for name, file in files.items()}
    imports = defaultdict(set, {n: imported(t, set(files)) - {n} for n, t in trees.items()})
    return {
        "lines": sum(file.read_text().count("\n") for file in files.values()),
        "of them code": sum(lines_of_code(files[n].read_text(), t) for n, t in trees.items()),
        "files": len(files),
        "modules on the ground floor": sum(name.count(".") == 1 for name in files),
        "folders": len({file.parent for file in files.values()}) - 1,
        "modules in circles": sum(map(len, circles(imports))),
        "rooms in circles": sum(map(len, circles(between_rooms(imports)))),
        "imports inside functions": sum(map(inside_functions, trees.values())),
    }


def main(revision: str | None) -> None:
    if revision is None:
        figures = count(ROOT)
    else:
        archive = subprocess.run(
            ["git", "archive", revision, PACKAGE], cwd=ROOT, check=True, capture_output=True
        ).stdout
        with tempfile.TemporaryDirectory() as folder:
            with tarfile.open(fileobj=io.BytesIO(archive)) as files:
                files.extractall(folder, filter="data")
            figures = count(Path(folder))
    for name, figure in figures.items():
        print(f"{figure:7,}  {name}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
