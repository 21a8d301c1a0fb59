"""Every sign of the vocabulary is computed, and every computed one has its entry and its words."""

import pytest
from django.test import Client
from django.urls import reverse

from ml.intensity.geometric import GeometricSource
from ml.intensity.source import ClipMaterial
from ml.measuring.geometry import SIGNALS as MEASURED_SIGNALS
from ml.measuring.geometry import stats
from ml.measuring.measurement import Measurement, series
from ml.phantom import perform
from ml.phantom.signals import simulate
from ml.signs.signs import Sign, signs
from screening.services.screenings import INTAKE_FIELDS
from tests.screening import factories as make
from vocabulary.expressions import Expression
from vocabulary.grades import GRADES
from vocabulary.signs import (
    AT_REST,
    EXPRESSIVITY,
    RIGIDITY,
    SIGNAL_STATISTICS,
    SIGNALS,
    SIGNS,
    patient_words,
)


def found(expression: Expression) -> list[Sign]:
    """The signs of a drawn clip."""
    clip = perform(expression, seed=5, seconds=8.0)
    values = simulate(clip, (1, 1))
    measured = Measurement(
        expression=expression,
        state="measured",
        timestamps=tuple(clip.times),
        signals={name: series(values[:, i], 7) for i, name in enumerate(MEASURED_SIGNALS)},
        corners={name: series(values[:, 5], 7) for name in ("corner-right", "corner-left")},
        stats={
            f"{name}_{statistic}": value
            for name, (mean, variance) in stats(values).items()
            for statistic, value in (("mean", mean), ("var", variance))
        },
        cues=clip.cues,
    )
    curve = GeometricSource().curve(ClipMaterial(expression, clip.times, values), None)
    return signs(measured, curve)


@pytest.mark.parametrize(
    ("expression", "own"),
    [(Expression.SMILE, {**EXPRESSIVITY, **RIGIDITY}), (Expression.REST, AT_REST)],
)
def test_each_is_computed_under_its_name_and_unit(
    expression: Expression, own: dict[str, object]
) -> None:
    measured = found(expression)
    named = {sign.name for sign in measured}
    assert named == {*own, *SIGNAL_STATISTICS}, "vocabulary/signs.py and ml's signs differ"
    assert [sign.unit for sign in measured] == [SIGNS[sign.name].unit for sign in measured]
    assert not [sign.name for sign in measured if sign.value is None and sign.name != "asymmetry"]


@pytest.mark.parametrize("expression", [Expression.SMILE, Expression.REST])
def test_they_are_shown_in_the_order_of_the_vocabulary(expression: Expression) -> None:
    measured = [sign.name for sign in found(expression)]
    assert measured == [name for name in SIGNS if name in measured]


def test_the_signals_are_those_that_are_measured_in_their_order() -> None:
    assert tuple(SIGNALS) == MEASURED_SIGNALS


def test_each_has_a_title_of_its_own() -> None:
    titles = [entry.title for entry in SIGNS.values()]
    assert all(titles)
    assert len(set(titles)) == len(titles)
    assert len(SIGNS) == sum(map(len, (EXPRESSIVITY, RIGIDITY, AT_REST, SIGNAL_STATISTICS)))


def test_patients_read_of_some_and_of_what_could_not_be_told_nothing() -> None:
    assert patient_words("blink-rate", 15.7) == "about 16 blinks a minute"
    assert [patient_words("repetitions", times) for times in (0.0, 1.0, 3.0)] == [
        "no clear movement was found",
        "the movement was found once",
        "the movement was found 3 times",
    ]
    nothing = (("blink-rate", None), ("peak", 1.0), ("unheard-of", 1.0))
    assert [patient_words(name, value) for name, value in nothing] == [None] * 3


@pytest.mark.django_db
def test_the_case_page_brings_every_word_along(client: Client) -> None:
    screening = make.scored()
    client.force_login(
        make.ClinicianFactory(site=screening.site),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    page = client.get(reverse("case", args=[screening.pk]))
    said = page.context["page_data"]["words"]
    assert said["signs"]["peak"] == {"title": "Peak intensity", "masked": "less"}
    assert list(said["signs"]) == list(SIGNS)
    assert list(said["signals"]) == list(MEASURED_SIGNALS)
    assert said["grades"] == ["normal", "slight", "mild", "moderate", "severe"]
    assert list(said["intake"]) == list(INTAKE_FIELDS)
    assert said["intake"]["known_pd"] == "Known Parkinson’s disease"
    text = page.content.decode()
    for grade in GRADES:
        assert f"<b>{grade.grade} {grade.name}</b><span>{grade.seen}</span>" in text
