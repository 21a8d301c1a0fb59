"""A result that is not kept, or cannot be read: which words, and what is taken as it is."""

from typing import Any

import pytest

from screening.errors import Invalid, UnreadableResult
from screening.models import Assessment, ClipMeasurement
from screening.services import results
from tests.screening import factories as make

WHOLE = make.result(p_pd_interval=(0.2, 0.6))


def refused(result: Any) -> str:
    with pytest.raises(Invalid) as wrong:
        results.checked(result)
    assert wrong.value.code == "result"
    return str(wrong.value)


@pytest.mark.parametrize(
    ("result", "part"),
    [
        ([], "all of it"),
        (make.result(hypomimia_index="<script>"), "hypomimia_index"),
        (make.result(hypomimia_index="71.6"), "hypomimia_index"),
        (make.result(severity_experimental=1), "severity_experimental"),
        (make.result(clips=[{"expression": "<script>"}]), "clips"),
        (make.result(hypomimia_index="x", clips=[]) | {"p_pd": "y"}, "hypomimia_index"),
    ],
)
def test_the_part_is_named_and_its_value_is_not(result: Any, part: str) -> None:
    said = refused(result)
    assert said.startswith(f"This is no result: {part}: ")
    assert "script" not in said
    assert "71.6" not in said


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_told_as_such(number: float) -> None:
    assert refused(make.result(p_pd=number)) == "This is no result: a number in it is none."


@pytest.mark.parametrize("schema", [0, 2, 99])
def test_a_result_is_written_in_todays_version(schema: int) -> None:
    assert refused(make.result(schema=schema)) == "A result is written in version 1."


def test_a_part_that_nobody_knows_is_left_out() -> None:
    assert results.checked(make.result(made_up="x")) == WHOLE


def read(result: Any) -> Any:
    return results.read(Assessment(result=result))


def test_a_result_is_read_as_it_was_kept() -> None:
    assert read(make.result(made_up="x")) == WHOLE


@pytest.mark.parametrize("result", [[], {}, None, "x", make.result(p_pd="high"), {"schema": "99"}])
def test_a_damaged_result_is_not_taken_for_a_newer_one(result: Any) -> None:
    with pytest.raises(UnreadableResult) as damaged:
        read(result)
    assert "newer version" not in str(damaged.value)


@pytest.mark.parametrize("schema", [2, 99])
def test_a_newer_result_waits_for_its_version(schema: int) -> None:
    with pytest.raises(UnreadableResult, match=r"newer version of Mimia\. Nothing is lost"):
        read({"schema": schema})
    with pytest.raises(UnreadableResult, match="newer version"):
        read(make.result(schema=schema))


def test_a_measurement_is_read_or_said_to_be_unreadable() -> None:
    kept = make.measurement("smile")
    found = results.read_measurement(ClipMeasurement(measurement=kept))
    assert found["signals"] == kept["signals"]
    for damaged in ([], {}, {**kept, "signals": "x"}):
        with pytest.raises(UnreadableResult):
            results.read_measurement(ClipMeasurement(measurement=damaged))
