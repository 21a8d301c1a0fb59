"""Every place that an expression has, asked of every expression: what lacks one is named.

What stands in the vocabulary's entry cannot be left out; here is whether it can be used: the
picture is there, the drawn face performs it, the measuring follows, the page asks for it.
"""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from django.apps import apps
from django.conf import settings

from ml.cohort.columns import FEATURES
from ml.intensity.action_units import UNITS
from ml.intensity.geometric import GeometricSource
from ml.intensity.source import ClipMaterial
from ml.measuring.geometry import CORNERS, SIGNALS
from ml.phantom import Program, perform
from ml.phantom.channels import SIDED, SINGLE
from ml.phantom.graded_people import draw_subject, load_config
from ml.phantom.signals import simulate, simulate_corners
from ml.training.clip_source.prompts import tokenise
from screening.api import present
from screening.models import Protocol, ProtocolStep
from screening.services import protocols
from tests.screening import factories as make
from vocabulary.expressions import ASKED, EXPRESSIONS, POSED, Expression, is_expression, title_of

FACES = Path(settings.ROOT) / "webapp/frontend/public/faces"
TABLE = "vocabulary/expressions.py"
#: In this order for ever: seeds and digests count on it. A new one comes after them.
FIRST = ("rest", "smile", "disgust", "surprise", "anger", "sadness", "fear", "free")

each = pytest.mark.parametrize("expression", EXPRESSIONS)
each_asked = pytest.mark.parametrize("expression", ASKED)
each_posed = pytest.mark.parametrize("expression", POSED)


def test_what_was_there_before_keeps_its_place() -> None:
    assert EXPRESSIONS[: len(FIRST)] == FIRST, f"{TABLE}: new expressions come last, none goes"


@each_asked
def test_it_has_a_picture_of_its_own(expression: Expression) -> None:
    picture = FACES / f"{expression}.svg"
    assert picture.is_file(), f"draw {picture.relative_to(settings.ROOT)}"
    root = ElementTree.parse(picture).getroot()
    assert root.attrib["viewBox"] == "0 0 120 120", f"{picture}: as large as the other faces"
    same = [f for f in FACES.glob("*.svg") if f.read_bytes() == picture.read_bytes()]
    assert same == [picture], f"{picture} shows another expression's face"


def test_no_picture_is_left_of_an_expression_that_is_not() -> None:
    assert {file.stem for file in FACES.glob("*.svg")} <= set(ASKED)


@each
def test_its_words_say_something_and_nobody_elses(expression: Expression) -> None:
    entry = expression.entry
    said = (entry.title, entry.asking.cue, entry.asking.instruction, entry.descriptor)
    assert all(said), f"{TABLE}: {expression} lacks words"
    assert entry.asking.instruction.endswith("."), TABLE
    assert len(entry.title) <= 20, f"{TABLE}: the title of {expression} does not fit a tab"
    others = [e.entry for e in EXPRESSIONS if e is not expression]
    for other in others:
        theirs = (other.title, other.asking.cue, other.asking.instruction, other.descriptor)
        assert not set(said) & set(theirs), f"{TABLE}: {expression} and {other.title} say the same"
        assert not {*entry.also, expression} & {*other.also}, f"{TABLE}: {expression}: also"


@each
def test_the_text_tower_reads_the_whole_descriptor(expression: Expression) -> None:
    tokenise((expression,), context_tokens=16, context_length=77)


@each
def test_its_movements_are_named_as_they_are_measured_and_drawn(expression: Expression) -> None:
    entry = expression.entry
    assert set(entry.moves) <= {*SIGNALS, *CORNERS}, f"{TABLE}: {expression}: no such signal"
    assert set(entry.units) <= set(UNITS), f"{TABLE}: {expression}: no such action unit"
    assert set(entry.drawn) <= {*SIDED, *SINGLE}, f"{TABLE}: {expression}: no such channel"
    assert entry.sides, f"{TABLE}: {expression} has no sides to compare"
    parts = (entry.moves, entry.units, entry.drawn, entry.blendshapes, entry.asking.repetitions)
    still = expression not in POSED
    assert all(not part if still else part for part in parts), f"{TABLE}: {expression}"


def seen(expression: Expression, amplitude: float) -> ClipMaterial:
    program = Program(amplitude=amplitude, head_motion=0.0, blinks_per_minute=0.0)
    clip = perform(expression, seed=5, seconds=8.0, program=program)
    lips = simulate_corners(clip, (1, 1))
    return ClipMaterial(expression, clip.times, simulate(clip, (1, 1)), lips)


@each_posed
def test_a_drawn_face_that_performs_it_is_seen_to(expression: Expression) -> None:
    """What is drawn and what is looked for must be one movement."""
    source, rest = GeometricSource(), seen(Expression.REST, 0.0)
    full, weak = (source.curve(seen(expression, a), rest).intensity for a in (1.0, 0.2))
    assert np.nanmax(full) > 0.4, f"{TABLE}: {expression}: drawn is not what moves"
    assert np.nanmax(weak) < 0.6 * np.nanmax(full)


@each_posed
def test_every_drawn_person_has_an_amplitude_for_it(expression: Expression) -> None:
    people = [draw_subject(load_config(), number, seed=3) for number in range(20)]
    assert len({person.amplitudes[expression] for person in people}) > 10


@each
def test_tables_may_have_its_columns(expression: Expression) -> None:
    assert sum(name.startswith(f"{expression}_") for name in FEATURES) == 2 * len(SIGNALS)


@pytest.mark.django_db
@each_asked
def test_the_newest_standard_protocol_asks_for_it(expression: Expression) -> None:
    newest = Protocol.objects.filter(slug="standard").order_by("-version")[0]
    patient = make.PatientFactory(site__protocol=newest)
    screening = make.draft(patient)
    answer = present.screening(screening, viewer=make.person(screening))
    step = next(one for one in answer["steps"] if one["expression"] == expression)
    asking = expression.entry.asking
    assert (step["title"], step["cue"]) == (expression.entry.title, asking.cue)
    assert len(step["cues"]) == 2 * asking.repetitions


# --- an expression that is new to a site ---------------------------------------------------------
@pytest.mark.django_db
def test_an_update_offers_a_new_expression_once_and_takes_no_protocol_away() -> None:
    def ask() -> list[tuple[int, list[str]]]:
        protocols.offer_new_expressions(apps=apps, using="default")
        rows = Protocol.objects.filter(slug="standard").order_by("version")
        return [(r.version, list(r.steps.values_list("expression", flat=True))) for r in rows]

    as_it_is = ask()
    newest = Protocol.objects.filter(slug="standard").order_by("-version")[0]
    # A site of before: no version ever asked for fear, and its clinic wrote its own words.
    ProtocolStep.objects.filter(expression="fear").delete()
    newest.steps.filter(expression="smile").update(instruction="Say cheese.", seconds=12)
    before = as_it_is[-1][0]
    found = ask()
    assert [version for version, _ in found] == [*range(1, before + 2)]
    made = Protocol.objects.get(slug="standard", version=before + 1)
    assert found[-1][1] == [*found[-2][1], "fear"]
    last, smile = made.steps.get(expression="fear"), made.steps.get(expression="smile")
    assert last.instruction == Expression.FEAR.entry.asking.instruction
    assert (smile.instruction, smile.seconds) == ("Say cheese.", 12)
    # What a clinic takes out again stays out.
    made.steps.filter(expression="fear").delete()
    ProtocolStep.objects.create(protocol=newest, order=99, expression="fear", instruction="As if.")
    assert len(ask()) == len(found)


def test_free_is_measured_and_never_asked_for() -> None:
    assert set(EXPRESSIONS) - set(ASKED) == {Expression.FREE}
    assert "free" not in dict(ProtocolStep._meta.get_field("expression").choices)  # type: ignore[arg-type, union-attr]


def test_a_name_that_is_none_has_a_title_all_the_same() -> None:
    assert (is_expression("smile"), is_expression("wink")) == (True, False)
    assert (title_of("smile"), title_of("wink")) == ("Smile", "Wink")


def test_the_choices_of_a_step_are_the_expressions() -> None:
    field: Any = ProtocolStep._meta.get_field("expression")
    assert list(field.choices) == [(str(e), e.entry.title) for e in ASKED]
