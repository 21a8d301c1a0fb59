"""The shape of a statement: what a result says to one reader, in whole sentences with codes.

``screening/statements`` makes them, and nobody else puts a result's numbers into words
(docs/decisions/one-voice.md). A code stays when its words change or are translated.
"""

from typing import Literal

from typing_extensions import TypedDict

#: What a sentence is about, in the order in which they stand: how much the face moved against
#: people without PD, how sure that is, the grade, what the model for PD says, what would make it
#: surer, what has changed since the first sessions, what to do next, and what the result is not.
Topic = Literal["movement", "certainty", "grade", "pd", "surer", "change", "next", "limits"]


class Sentence(TypedDict):
    """``text`` in the reader's language, by itself a whole sentence or a few."""

    topic: Topic
    code: str
    text: str


class SpokenIndex(TypedDict):
    """The hypomimia index that the sentences speak of, in whole points: 0 moves a lot, 100 moves
    little. The band holds the mean of as many ``sessions`` again nine times of ten; null where it
    is not known how sessions repeat."""

    value: int
    low: int | None
    high: int | None
    sessions: int


class Statement(TypedDict):
    """``index`` is null where nothing is said of it. The first sentence is the most important."""

    index: SpokenIndex | None
    sentences: list[Sentence]
