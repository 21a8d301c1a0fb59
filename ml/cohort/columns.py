"""Which column of a table means what: one answer everywhere, and nothing left out in silence.

A title that says the same in another spelling (capitals, spaces, dashes of any kind, quotes, a
byte-order mark, ``variance`` for ``var``, ``l`` for ``left``) is *used*. One that only resembles a
column which the table lacks is *nearly matching*: scored without it, everybody's result would be
another, so it is an error until somebody says what is meant. All others are *ignored*, and listed.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ml.features import columns_of
from vocabulary.expressions import EXPRESSIONS

SHOWN = 3
#: Words that mean exactly the same as ours.
_SAME = {"variance": "var", "average": "mean", "avg": "mean", "l": "left", "r": "right"}
#: Words for an expression of ours that may mean a little more or less than it.
_LIKE = {word: str(e) for e in EXPRESSIONS for word in e.entry.also}
#: Other measures of the same signals, in the original repositories' tables too: left out on
#: purpose. Definitions differ between releases, and entropies measure the clip's length.
_OTHER_MEASURES = re.compile(
    r"entropy|max|min|median|range|skew\w*|kurt\w*|iqr|q\d+|p\d+|n|count|sum|au\d+"
)
_CLOSE = 0.82

FEATURES: tuple[str, ...] = tuple(name for e in EXPRESSIONS for name in columns_of(e))
#: What is not a feature: the titles that mean it, and titles that may.
LABELS: dict[str, tuple[str, ...]] = {
    "subject": ("subject", "id", "participant_id", "subject_id"),
    "protocol": ("protocol", "pipeline"),
    "pd": ("pd", "diagnosis"),
    "grade": ("grade", "updrs_3_2", "facial_expression_grade"),
    "age": ("age",),
    "sex": ("sex", "gender"),
    "split": ("split",),
    "layout": ("layout",),
}
_LABELS_LIKE: dict[str, tuple[str, ...]] = {
    "subject": (
        "patient", "patient_id", "participant", "person", "person_id", "pid", "subj", "subj_id",
        "subject_no", "subject_number", "subject_code", "patient_no", "patient_number",
        "patient_code", "case", "case_id", "study_id", "record_id", "user_id", "mrn",
    ),
    "pd": (
        "pd_status", "has_pd", "is_pd", "pd_label", "parkinson", "parkinsons", "parkinson_s",
        "parkinsons_disease", "parkinson_s_disease", "label", "class", "status", "group",
        "condition", "disease", "dx",
    ),
    "grade": (
        "updrs", "mds_updrs", "mds_updrs_3_2", "updrs_grade", "severity", "hypomimia",
        "hypomimia_grade", "facial_expression", "item_3_2",
    ),
    "split": ("set", "subset", "partition", "fold", "dataset", "train_test", "data_split"),
    "session": ("visit", "visit_id", "session_id", "visit_no", "visit_number"),
    "expression": ("emotion", "task", "pose"),
    "clip": ("file", "filename", "file_name", "video", "path"),
    "sha256": ("hash", "checksum", "sha", "sha_256"),
}  # fmt: skip


@dataclass(frozen=True)
class Near:
    """A title, and the column that it may mean and that the table lacks."""

    title: str
    meaning: str

    def __str__(self) -> str:
        return f"{self.title!r} ({self.meaning}?)"


@dataclass(frozen=True)
class Columns:
    """``means``: what each title of the header is read as, None where it is not."""

    header: tuple[str, ...]
    means: tuple[str | None, ...]
    near: tuple[Near, ...]

    @property
    def features(self) -> dict[int, str]:
        """Place → feature."""
        return {i: m for i, m in enumerate(self.means) if m in _FEATURE_SET}

    def place(self, meaning: str) -> int | None:
        """Where the first column of this meaning stands; None where none does."""
        return self.means.index(meaning) if meaning in self.means else None

    @property
    def ignored(self) -> tuple[str, ...]:
        """Titles that are neither read nor nearly matching."""
        near = {one.title for one in self.near}
        pairs = zip(self.header, self.means, strict=True)
        return tuple(t for t, m in pairs if m is None and t not in near and t.strip())

    def said(self) -> str:
        """Used, ignored, nearly matching: one line for the screen."""
        counts = Counter(name.split("_")[0] for name in self.features.values())
        used = [f"{counts[e]} of {e}" for e in EXPRESSIONS if counts[e]]
        used += dict.fromkeys(m for m in self.means if m and m not in _FEATURE_SET)
        parts = [f"used {', '.join(used) or 'none'}", f"ignored {_listed(self.ignored, 8)}"]
        if other := [f"{t.strip()!r} for {m}" for t, m in self._spelt_otherwise()]:
            parts.insert(1, f"{len(other)} of them spelt otherwise: {_listed(other, SHOWN)}")
        if self.near:
            parts.append(f"nearly matching, ignored as asked: {_listed(map(str, self.near), 8)}")
        return "columns: " + "; ".join(parts)

    def _spelt_otherwise(self) -> list[tuple[str, str]]:
        pairs = zip(self.header, self.means, strict=True)
        return [(t, m) for t, m in pairs if m in _FEATURE_SET and t.strip().lower() != m]

    def lacks(self, expressions: Iterable[str] = EXPRESSIONS) -> str | None:
        """Features missing of expressions that have some; None where each is whole."""
        there = set(self.features.values())
        parts = []
        for expression in expressions:
            missing = [name for name in columns_of(expression) if name not in there]
            if 0 < len(missing) < len(columns_of(expression)):
                parts.append(
                    f"{len(missing)} of {expression}'s {len(columns_of(expression))}"
                    f" ({_listed(missing, SHOWN)})"
                )
        return f"feature columns missing: {'; '.join(parts)}" if parts else None

    def fault(self) -> str | None:
        """Why the table cannot be read as it is: one line, None where nothing nearly matches."""
        if not self.near:
            return None
        return (
            f"{len(self.near)} {'column is' if len(self.near) == 1 else 'columns are'} named nearly"
            f" like one that is missing: {_listed(map(str, self.near), SHOWN)};"
            " rename what is meant, or add --ignore-nearly-matching"
        )


def match(
    header: Sequence[str],
    labels: Mapping[str, Collection[str]] = LABELS,
    *,
    subject_column: str = "",
    features: bool = True,
) -> Columns:
    """What each title means. ``labels``: what is read beside features, and the titles that mean it;
    ``subject_column``: the title of the column that tells people apart, where it is none of them.
    Raises :class:`LookupError` where there is no such title."""
    words = [_words(title) for title in header]
    titles = {"_".join(_words(alias)): label for label, known in labels.items() for alias in known}
    means = [_feature(w) if features else None for w in words]
    means = [m or titles.get("_".join(w)) for m, w in zip(means, words, strict=True)]
    if subject_column:
        chosen = _named(header, subject_column)
        means = [
            "subject" if i == chosen else None if m == "subject" else m for i, m in enumerate(means)
        ]
    there = set(means)
    near = []
    for title, own, meaning in zip(header, words, means, strict=True):
        if meaning is None and own:
            like = (_feature_like(own) if features else None) or _label_like(own, labels)
            if like is not None and like not in there:
                near.append(Near(title, like))
    return Columns(tuple(header), tuple(means), tuple(near))


def known_titles(header: Sequence[str]) -> int:
    """How many titles are a feature, a label or a column of a manifest."""
    words = [_words(title) for title in header]
    return sum(_feature(w) is not None or "_".join(w) in _KNOWN for w in words)


def people_columns(header: Sequence[str]) -> tuple[str, ...]:
    """Titles that may tell people apart, ours first."""
    known = [*LABELS["subject"], *_LABELS_LIKE["subject"]]
    return tuple(sorted((t for t in header if "_".join(_words(t)) in known),
                        key=lambda t: known.index("_".join(_words(t)))))  # fmt: skip


def _named(header: Sequence[str], title: str) -> int:
    """Where the title stands, spelt as it is or alike."""
    for spelt in (lambda t: t, str.strip, lambda t: tuple(_words(t))):
        places = [i for i, one in enumerate(header) if spelt(one) == spelt(title)]
        if len(places) == 1:
            return places[0]
    raise LookupError(title)


def _words(title: str) -> tuple[str, ...]:
    """The title's words: ``Smile Mouth‐Width (Var)`` is smile, mouth, width, var."""
    plain = "".join(
        c for c in unicodedata.normalize("NFKC", title) if unicodedata.category(c) != "Cf"
    )
    if plain.isascii() and plain.isalnum():
        # smileMouthWidthVar
        plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain)
    return tuple(re.findall(r"[^\W_]+", plain.casefold()))


def _key(words: Iterable[str]) -> str:
    """The same for one name however its words are joined."""
    return "".join(words)


def _bag(words: Iterable[str]) -> str:
    """The same for one name in whatever order its words stand."""
    return " ".join(sorted(words))


_FEATURE_SET = frozenset(FEATURES)
_BY_KEY = {_key(_words(name)): name for name in FEATURES}
_BY_BAG = {_bag(_words(name)): name for name in FEATURES}
_KNOWN = {alias for names in LABELS.values() for alias in names} | set(_LABELS_LIKE)


def _feature(words: Sequence[str]) -> str | None:
    same = [_SAME.get(word, word) for word in words]
    return _BY_KEY.get(_key(same)) or _BY_BAG.get(_bag(same))


def _feature_like(words: Sequence[str]) -> str | None:
    """The feature that this title resembles."""
    if any(_OTHER_MEASURES.fullmatch(word) for word in words):
        return None
    like = [_LIKE.get(w, w) for w in words]
    like = ["var" if w in ("std", "sd", "stdev", "stddev", "dev", "deviation") else w for w in like]
    if found := _feature([w for w in like if w not in ("standard", "the", "of")]):
        return found
    meant = next((e for w in like for e in get_close_matches(w, EXPRESSIONS, 1, 0.75)), None)
    if meant is None:
        return None
    known = {_key(_words(name)): name for name in columns_of(meant)}
    close = get_close_matches(_key(_SAME.get(w, w) for w in like), known, 1, _CLOSE)
    return known[close[0]] if close else None


def _label_like(words: Sequence[str], labels: Mapping[str, Collection[str]]) -> str | None:
    """The label that this title resembles: it is known to be used for it, or is misspelt."""
    title = "_".join(words)
    for label in labels:
        if title in _LABELS_LIKE.get(label, ()):
            return label
    known = {alias: label for label, names in labels.items() for alias in names if len(alias) > 3}
    close = get_close_matches(title, known, 1, _CLOSE)
    return known[close[0]] if close else None


def _listed(names: Iterable[str], shown: int) -> str:
    every = list(names)
    more = f" and {len(every) - shown} more" if len(every) > shown else ""
    return (", ".join(every[:shown]) + more) or "none"
