"""What is changed: Cosmic Ray's operators that say something, and three of our own.

Ours take away what patients are protected by and no operator of the library touches: one condition
of a query, one entry of a dictionary, one statement. Left out are those of the library that any
test kills which kills their neighbour (every operator into each of eleven others), and decorators,
whose loss mostly breaks the import: they would only make the figures look better.
"""

import ast
import io
import tokenize
from abc import abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import parso
from cosmic_ray import plugins
from cosmic_ray.operators.operator import Operator

Position = tuple[tuple[int, int], tuple[int, int]]
SWAPPED = {
    *("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Div", "Mod_Mul", "Pow_Mul"),
    *("BitOr_BitAnd", "BitAnd_BitOr"),
}
COMPARED = {
    *("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt"),
    *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
}
TURNED = {"USub_UAdd", "Delete_Not", "Delete_Invert"}
OTHERS = {
    *("AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr"),
    *("ReplaceOrWithAnd", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("ExceptionReplacer", "NumberReplacer", "ZeroIterationForLoop"),
}


def is_used(name: str) -> bool:
    """Of all operators, by their names in Cosmic Ray."""
    provider, _, own = name.partition("/")
    if provider == "mimia":
        return True
    for prefix, pairs in (
        ("ReplaceBinaryOperator_", SWAPPED),
        ("ReplaceComparisonOperator_", COMPARED),
        ("ReplaceUnaryOperator_", TURNED),
    ):
        if own.startswith(prefix):
            return own.removeprefix(prefix) in pairs
    return own in OTHERS


class Taken(Operator):
    """Takes something away; what is taken is said by ``places``: (parent, first child, last)."""

    @abstractmethod
    def places(self, node: Any) -> Iterator[tuple[Any, int, int]]:
        """What can be taken away below ``node``."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        for parent, first, _ in self.places(node):
            child = parent.children[first]
            yield child.start_pos, child.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        parent, first, last = list(self.places(node))[index]
        del parent.children[first : last + 1]
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


class DropArgument(Taken):
    """A named argument of a call is not given: a condition of a query, a column of an update."""

    def places(self, node: Any) -> Iterator[tuple[Any, int, int]]:
        if getattr(node, "type", "") != "arglist":
            return
        for place, child in enumerate(node.children):
            if child.type == "argument" and child.children[0].type == "name":
                yield node, *with_comma(node, place)


class DropItem(Taken):
    """An entry of a dictionary that has several."""

    def places(self, node: Any) -> Iterator[tuple[Any, int, int]]:
        if getattr(node, "type", "") != "dictorsetmaker":
            return
        for place, child in enumerate(node.children):
            if child == ":":
                first, last = with_comma(node, place + 1)
                yield node, min(first, place - 1), last


class DropStatement(Operator):
    """A call for its effect, or a refusal, does not happen."""

    def mutation_positions(self, node: Any) -> Iterator[Position]:
        if getattr(node, "type", "") == "simple_stmt":
            said = node.children[0]
            is_call = said.type in ("atom_expr", "power") and said.get_last_leaf() == ")"
            if is_call or said.type == "raise_stmt":
                yield said.start_pos, said.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        nothing = parso.parse("pass").children[0]
        nothing.get_first_leaf().prefix = node.get_first_leaf().prefix
        node.children[0] = nothing
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        return ()


def with_comma(node: Any, place: int) -> tuple[int, int]:
    """A child with the comma after it, or before it where it is the last."""
    if place + 1 < len(node.children):
        return place, place + 1
    return (place - 1, place) if place else (place, place)


class Ours:
    """The provider under whose name Cosmic Ray finds them."""

    operators = {one.__name__: one for one in (DropArgument, DropItem, DropStatement)}

    def __iter__(self) -> Iterator[str]:
        return iter(self.operators)

    def __getitem__(self, name: str) -> type[Operator]:
        return self.operators[name]


def use() -> None:
    """Makes ours known and the left-out ones unknown."""
    plugins.OPERATOR_PROVIDERS["mimia"] = Ours()
    every = plugins.operator_names()
    plugins.operator_names = lambda: tuple(filter(is_used, every))


def passed_over(source: str) -> list[Position]:
    """Where a change says nothing of the tests: types (mypy sees them, or the import breaks), what
    decorators are given (``frozen=True`` guards the programmer, not a number), and the star of a
    signature, which the library takes for a product."""
    found: list[ast.expr] = []
    for node in ast.walk(ast.parse(source)):
        for field in ("annotation", "returns"):
            one = getattr(node, field, None)
            if isinstance(one, ast.expr):
                found.append(one)
        found += getattr(node, "decorator_list", [])
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
            # An alias of types: `Actor = User | AnonymousUser`.
            names = [n for n in ast.walk(node.value) if isinstance(n, ast.Name)]
            if names and all(n.id[:1].isupper() for n in names):
                found.append(node.value)
    told = [
        ((n.lineno, n.col_offset), (n.end_lineno or n.lineno, n.end_col_offset or 0)) for n in found
    ]
    words = list(tokenize.generate_tokens(io.StringIO(source).readline))
    stars = [a for a, b in pairwise(words) if (a.string, b.string) == ("*", ",")]
    return told + [(star.start, star.end) for star in stars]
