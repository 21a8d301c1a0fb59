"""One voice: over the whole space of results no statement contradicts itself, its band or its
reader. The oracle reads the sentences as a person would; it shares no rule with what made them."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screening import statements
from screening.statements.pd import Shown
from tests.screening import factories as make
from vocabulary.person import PersonNumber, PersonResult
from vocabulary.statement import Statement

MANY = settings(max_examples=150, deadline=None)
ABSTENTIONS = [
    "no_usable_expression",
    "missing_expressions",
    "model_uncertain",
    "poor_capture",
    "quality",
]
REPEATS = {"name": "a table", "licence": "MIT", "people": 169, "expressions": ["smile"]}

#: What the words of a movement sentence say of the index: where all of the band lies.
BANDS: dict[str, tuple[float, float]] = {
    r"clearly (less|reduced)": (75, 100),
    r"moved less than|is reduced": (50, 100),
    r"(moved|movement is) as (is )?usual": (0, 75),
}
#: … or that nothing is shown.
HEDGES = re.compile(r"not clear|suspected, not shown|not shown, nor ruled out")
DIAGNOSIS = re.compile(r"Parkinson|\bPD\b")
GRADE = re.compile(r"\b3\.2\b|\bgrade|MDS|UPDRS", re.IGNORECASE)

points = st.floats(0, 100)
shares = st.floats(0, 1)


@st.composite
def numbers(draw: st.DrawFn, top: float) -> PersonNumber:
    sessions = draw(st.integers(0, 6))
    within = st.floats(0, top)
    value = draw(within) if sessions else None
    banded = value is not None and draw(st.booleans())
    low = high = None
    if banded and value is not None:
        low, high = draw(st.floats(0, value)), draw(st.floats(value, top))
    return {
        "value": value,
        "low": low,
        "high": high,
        "mean": value,
        "sessions": sessions,
        "worth": float(sessions),
        "is_scattered": draw(st.booleans()),
        "more": sorted(draw(st.lists(within, max_size=5)), reverse=True) if banded else [],
    }


@st.composite
def persons(draw: st.DrawFn) -> PersonResult:
    index = draw(numbers(100))
    repeats: Any = REPEATS if index["low"] is not None else None
    return {"hypomimia_index": index, "severity_expected": draw(numbers(4)), "repeats": repeats}


@st.composite
def results(draw: st.DrawFn) -> Any:
    weights = [draw(st.floats(0.001, 1)) for _ in range(5)]
    severity = {str(grade): w / sum(weights) for grade, w in enumerate(weights)}
    graded = draw(st.booleans())
    p_pd = draw(st.none() | shares)
    ends = sorted([draw(shares), draw(shares)])
    changes: dict[str, Any] = {
        "hypomimia_index": draw(st.none() | points),
        "severity": severity if graded else None,
        "severity_expected": sum(int(g) * p for g, p in severity.items()) if graded else None,
        "severity_experimental": draw(st.booleans()),
        "p_pd": p_pd,
        "p_pd_interval": None if p_pd is None or draw(st.booleans()) else ends,
        "prevalence": draw(st.none() | shares),
        "prediction_set": draw(st.sampled_from([[], ["pd"], ["no_pd"], ["no_pd", "pd"]])),
        "abstained": draw(st.none() | st.sampled_from(ABSTENTIONS)),
        "missing": draw(st.lists(st.sampled_from(["smile", "disgust"]), unique=True)),
    }
    if draw(st.booleans()):
        changes["person"] = draw(persons())
    return make.result(**changes)


RANKING = {"people": 600, "p_pd": 0.55, "index": 0.65, "difference": (-0.1, -0.15, -0.03)}
shown = st.builds(
    Shown,
    st.booleans(),
    st.none()
    | st.fixed_dictionaries(
        {"holds": st.booleans()}, optional={"off_table": st.none() | st.just(RANKING)}
    ),
)
asked = given(result=results(), person=st.none() | persons(), pd=shown)


def both(result: Any, person: PersonResult | None, pd: Shown) -> tuple[Statement, Statement]:
    return (
        statements.for_patient(result, person, pd=pd),
        statements.for_clinician(result, person, pd=pd),
    )


def texts(statement: Statement, *topics: str) -> list[str]:
    return [one["text"] for one in statement["sentences"] if not topics or one["topic"] in topics]


def bands_said(said: Iterable[str]) -> list[tuple[float, float]]:
    return [band for text in said for words, band in BANDS.items() if re.search(words, text)]


@MANY
@asked
def test_nothing_is_said_surer_than_its_band(
    result: Any, person: PersonResult | None, pd: Shown
) -> None:
    for statement in both(result, person, pd):
        said, index = bands_said(texts(statement)), statement["index"]
        hedged = any(HEDGES.search(text) for text in texts(statement))
        assert not (said and hedged), "one sentence says it, another that it is not clear"
        assert bool(said) or hedged or index is None
        for low, high in said:
            assert index is not None
            assert index["low"] is not None
            assert index["high"] is not None
            assert low <= index["low"]
            assert index["high"] <= high


@MANY
@asked
def test_no_two_sentences_contradict_each_other(
    result: Any, person: PersonResult | None, pd: Shown
) -> None:
    patient, clinician = both(result, person, pd)
    for statement in (patient, clinician):
        said = bands_said(texts(statement))
        assert all(a[0] < b[1] and b[0] < a[1] for a in said for b in said)
        codes = [one["code"] for one in statement["sentences"]]
        assert len(codes) == len(set(codes)), "said twice"
        assert sum(code.startswith(("movement_m", "movement_l", "movement_us", "movement_un"))
                   for code in codes) <= 1  # fmt: skip
        leans = [code for code in codes if code in ("pd_pd", "pd_no_pd", "pd_neither")]
        assert len(leans) <= 1
        # Nothing is to be done about a usual face, and something about any other.
        calm = any("You need not do anything" in text for text in texts(statement))
        assert not (calm and ("pd_pd" in codes or bands_said(texts(statement)) != [(0, 75)]))
        # Every number that is said of the index lies in the band that is drawn beside it.
        if (index := statement["index"]) is not None and index["low"] is not None:
            assert index["low"] <= index["value"] <= (index["high"] or 0)
    # What one reader is told is not the contrary of what the other is.
    assert bands_said(texts(patient, "movement")) == bands_said(texts(clinician, "movement"))
    assert patient["index"] == clinician["index"]


@MANY
@asked
def test_a_patient_reads_no_grade_and_no_diagnosis_without_how_sure_it_is(
    result: Any, person: PersonResult | None, pd: Shown
) -> None:
    statement = statements.for_patient(result, person, pd=pd)
    for text in texts(statement):
        assert not GRADE.search(text)
        for sentence in re.split(r"(?<=[.?!]) ", text):
            if DIAGNOSIS.search(sentence.replace("people without Parkinson’s disease", "")):
                assert re.search(r"from \d+ % to \d+ %", sentence)
    if not (pd.is_shown and pd.holds):
        assert not texts(statement, "pd")
    assert any("not a diagnosis" in text for text in texts(statement))


@MANY
@asked
def test_an_abstention_says_what_to_do_next_and_no_number(
    result: Any, person: PersonResult | None, pd: Shown
) -> None:
    for statement in both(result, person, pd):
        assert texts(statement, "next"), "a reader must know what to do"
        if result["abstained"] and person is None:
            assert statement["index"] is None
            assert not re.search(r"\d", " ".join(texts(statement, "movement", "pd", "grade")))
            assert not bands_said(texts(statement))


@MANY
@asked
def test_sentences_are_whole_and_in_order(
    result: Any, person: PersonResult | None, pd: Shown
) -> None:
    for statement in both(result, person, pd):
        said = statement["sentences"]
        assert said[0]["topic"] == "movement"
        for one in said:
            assert re.fullmatch(r"[A-Z0-9N].*[.]", one["text"], re.DOTALL), one["text"]
            assert "%(" not in one["text"]
            assert "emotion" not in one["text"]


@MANY
@asked
def test_a_hidden_probability_is_in_no_sentence(
    result: Any, person: PersonResult | None, pd: Shown
) -> None:
    hidden = Shown(is_shown=False, travel=pd.travel)
    for statement in both(result, person, hidden):
        assert not re.search(r"\d %", " ".join(texts(statement)))


def banded(low: float, value: float, high: float, sessions: int = 3) -> PersonResult:
    index: PersonNumber = {
        "value": value, "low": low, "high": high, "mean": value, "sessions": sessions,
        "worth": float(sessions), "is_scattered": False, "more": [20.0, 15.0, 12.0],
    }  # fmt: skip
    none: PersonNumber = {**index, "value": None, "low": None, "high": None, "more": []}
    return {"hypomimia_index": index, "severity_expected": none, "repeats": None}


@pytest.mark.parametrize(
    ("person", "code"),
    [
        (banded(76, 90, 98), "movement_much_less"),
        (banded(51, 70, 90), "movement_less"),
        (banded(51, 60, 70), "movement_usual"),
        (banded(2, 30, 75), "movement_usual"),
        (banded(19, 80, 99), "movement_unclear_less"),
        (banded(19, 75, 99), "movement_unclear_usual"),
    ],
)
def test_the_finding_is_what_the_whole_band_says(person: PersonResult, code: str) -> None:
    for say in (statements.for_patient, statements.for_clinician):
        assert say(make.result(), person)["sentences"][0]["code"] == code


def test_a_session_that_abstains_does_not_unsay_the_others() -> None:
    broken = make.result(abstained="poor_capture", hypomimia_index=None)
    found = statements.for_clinician(broken, banded(76, 90, 98))
    assert [one["code"] for one in found["sentences"]] == [
        "movement_much_less",
        "certainty_sessions",
        "certainty_poor_capture",
        "surer_missing" if broken["missing"] else "next_rate",
        "limits_research",
    ]
