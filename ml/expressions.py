"""The expressions a protocol may ask for: the six basic ones and the face at rest."""

from enum import StrEnum
from typing import TypeGuard


class Expression(StrEnum):
    REST = "rest"
    SMILE = "smile"
    DISGUST = "disgust"
    SURPRISE = "surprise"
    ANGER = "anger"
    SADNESS = "sadness"
    FEAR = "fear"


EXPRESSIONS: tuple[Expression, ...] = tuple(Expression)
POSED: tuple[Expression, ...] = tuple(e for e in Expression if e is not Expression.REST)


def is_expression(name: str) -> TypeGuard[Expression]:
    return name in EXPRESSIONS
