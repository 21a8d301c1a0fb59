"""The person behind the rows of a scored table: who and which session a row is, and the result of
all sessions of one person, added to each of their rows."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ml.cohort.columns import Columns, match, people_columns
from ml.cohort.csv_files import Table
from ml.errors import WrongUse
from ml.scoring.person import (
    GRADE,
    INDEX,
    Components,
    Reading,
    Scale,
    own_components,
    person_score,
    plain_mean,
)
from ml.scoring.repeatability import Repeatability
from ml.scoring.scorer import Score

ADDED = (
    "person_hypomimia_index",
    "person_hypomimia_index_low",
    "person_hypomimia_index_high",
    "person_severity_expected",
    "person_sessions",
)
#: What is read beside features. An ``id`` may as well be that of a row: --subject-column says so.
TITLES = {
    "subject": ("subject", "subject_id", "participant_id"),
    "session": ("session", "session_id"),
    "date": ("date", "session_date"),
}


@dataclass(frozen=True)
class People:
    """``persons``: a key for each row, by the order in which people appear; ``sessions``: a key for
    each row among those of its person. ``said``: what had to be decided, for the screen."""

    persons: tuple[int, ...]
    sessions: tuple[int, ...]
    said: tuple[str, ...]


def columns_with_people(table: Table, features: Columns, subject_column: str) -> Columns:
    """``features`` and, beside them, who and which session a row is. Of several titles of one
    meaning the first; the others stay ignored, and are said to be.

    Raises :class:`WrongUse` for a ``subject_column`` that is not there.
    """
    try:
        read = match(table.header, TITLES, subject_column=subject_column, features=False)
    except LookupError:
        raise WrongUse(
            f"{table.path}: no column, or more than one, is named {subject_column!r}"
        ) from None
    means = list(features.means)
    for meaning in TITLES:
        if (place := read.place(meaning)) is not None:
            means[place] = meaning
    return replace(features, means=tuple(means))


def hint(table: Table) -> str | None:
    """A column that may tell people apart, where codes come again in it: nobody guesses."""
    for title in people_columns(table.header):
        place = table.header.index(title)
        codes = Counter(_cell(row, place) for _, row in table.rows)
        if max((n for code, n in codes.items() if code), default=0) > 1:
            return (
                f"{title!r} may tell people apart: with --subject-column {title.strip()!r} each"
                " person's result over all sessions is added"
            )
    return None


def people_of(table: Table, columns: Columns) -> People | None:
    """Who each row is of, and which of their sessions; None where no column tells."""
    subject = columns.place("subject")
    if subject is None:
        return None
    when = [p for p in (columns.place("session"), columns.place("date")) if p is not None]
    persons: list[int] = []
    sessions: list[int] = []
    numbers: dict[str, int] = {}
    visits: dict[tuple[int, tuple[str, ...]], int] = {}
    spelt: defaultdict[str, set[str]] = defaultdict(set)
    blank = again = 0
    for n, (_, row) in enumerate(table.rows):
        code = _cell(row, subject)
        blank += not code
        spelt[code.casefold()].add(code)
        # A row's own number keeps apart what has no name: nobody's code is of this form.
        person = numbers.setdefault(code or f"\0{n}", len(numbers))
        which = tuple(_cell(row, place) for place in when)
        if not any(which):
            sessions.append(-1 - n)
        else:
            again += (person, which) in visits
            sessions.append(visits.setdefault((person, which), len(visits)))
        persons.append(person)
    alike = [sorted(codes) for codes in spelt.values() if len(codes) > 1]
    titles = " and ".join(repr(table.header[place]) for place in when)
    said = []
    if blank:
        said.append(f"{blank} rows name no subject, and are a person of their own each")
    if alike:
        several = " and ".join(map(repr, alike[0]))
        said.append(f"{several} are taken as different people; spell one person's code alike")
    if again:
        said.append(f"{again} rows have person and {titles} of an earlier one: one session each")
    return People(tuple(persons), tuple(sessions), tuple(said))


def _cell(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def person_cells(
    people: People, scores: Sequence[Score], known: Repeatability
) -> tuple[list[list[str]], list[str]]:
    """The added cells of each row, and what was done, for the screen.

    Rows of one session count as one, the mean of their scores on the scale where sessions are
    averaged; rows without the number do not count. ``known`` is for the model that scored: where it
    has no components, the table's own repeats give them if there are enough, else there is a plain
    mean and no band.
    """
    index = _per_session(people, [score.hypomimia_index for score in scores], INDEX)
    grade = _per_session(people, [score.severity_expected for score in scores], GRADE)
    of_index = known.index or own_components(index.values(), INDEX)
    of_grade = known.grade or own_components(grade.values(), GRADE)
    cells = {
        person: [
            *_numbers(index[person], of_index, INDEX),
            _numbers(grade[person], of_grade, GRADE)[0],
            str(len(index[person])),
        ]
        for person in set(people.persons)
    }
    said = [*people.said, *_words(known, of_index, of_grade)]
    return [cells[person] for person in people.persons], said


def _per_session(
    people: People, values: Sequence[float | None], scale: Scale
) -> dict[int, list[float]]:
    """Each person's values, one for each session that has any."""
    found: defaultdict[tuple[int, int], list[float]] = defaultdict(list)
    for person, session, value in zip(people.persons, people.sessions, values, strict=True):
        if value is not None:
            found[person, session].append(value)
    result: dict[int, list[float]] = {person: [] for person in people.persons}
    for (person, _), v in found.items():
        # A row alone stays as it is, to the last digit.
        one = v[0] if len(v) == 1 else float(scale.back(scale.into(np.array(v)).mean()))
        result[person].append(one)
    return result


def _numbers(
    values: Sequence[float], components: Components | None, scale: Scale
) -> tuple[str, str, str]:
    """Estimate and band; the plain mean without a band where no components are known; nothing
    without either."""
    readings = [Reading(value) for value in values]
    if components is not None:
        found = person_score(readings, components, scale, ahead=0)
        return _digits(found.value), _digits(found.low), _digits(found.high)
    mean = plain_mean(readings, scale)
    return ("" if mean is None else _digits(mean)), "", ""


def _digits(value: float) -> str:
    return repr(float(value))


def _words(
    known: Repeatability, index: Components | None, grade: Components | None
) -> Iterator[str]:
    """Whose repeats each number and the band are made with."""
    source = known.source
    public = (
        f"{source.name} ({source.licence}), whose sessions were of"
        f" {', '.join(known.learnt_from.expressions)} alone"
    )
    for column, own, used in (
        (ADDED[0], known.index, index),
        (ADDED[3], known.grade, grade),
    ):
        if used is None:
            yield (
                f"{column}: the plain mean over sessions, without a band: how this bundle's scores"
                f" repeat is not known (those of {known.learnt_from.bundle} are), and this table"
                " has too few people with repeats to tell"
            )
        else:
            whose = "this table, since no other has this bundle's scores" if own is None else public
            yield f"{column}: by {used.people} people with repeats in {whose}"
