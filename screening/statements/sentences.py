"""Sentences, put together into a statement."""

from collections.abc import Iterable
from typing import get_args

from screening.statements.reading import Reading
from vocabulary.statement import Sentence, Statement, Topic


def sentence(topic: Topic, code: str, text: str) -> Sentence:
    return {"topic": topic, "code": code, "text": text}


def statement(reading: Reading | None, sentences: Iterable[Sentence | None]) -> Statement:
    """In the order of their topics, as they come within one."""
    said = [one for one in sentences if one is not None]
    order = get_args(Topic)
    said.sort(key=lambda one: order.index(one["topic"]))
    return {"index": None if reading is None else reading.index, "sentences": said}
