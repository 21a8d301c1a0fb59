"""A stored measurement is read back, whichever of its two layouts it was written in."""

import base64
import json
from dataclasses import fields

import numpy as np
import pytest

from ml.measuring.geometry import SIGNALS
from ml.measuring.measurement import Embeddings, Measurement, series, table
from ml.measuring.quality import Quality
from vocabulary.reasons import UnusableReason

MEASURED = Measurement(
    "smile",
    "measured",
    timestamps=(0.0, 0.5),
    embeddings=Embeddings((0.0, 0.5), ((0.5, -1.25, 3.0), (0.0, 2.0, 0.25)), "colour"),
)


def test_embeddings_survive_json() -> None:
    assert Measurement.from_json(json.loads(json.dumps(MEASURED.to_json()))) == MEASURED


def test_embeddings_kept_as_plain_lists_are_still_read() -> None:
    """As they were written before they were packed: caches and databases hold them."""
    data = MEASURED.to_json()
    data["embeddings"]["vectors"] = [[0.5, -1.25, 3.0], [0.0, 2.0, 0.25]]
    assert Measurement.from_json(data) == MEASURED


@pytest.mark.parametrize("vectors", ["AAAA", "no base64!", None])
def test_damaged_embeddings_are_a_value_error(vectors: object) -> None:
    data = MEASURED.to_json()
    data["embeddings"]["vectors"] = vectors
    with pytest.raises(ValueError, match="vectors"):
        Measurement.from_json(data)


def whole() -> Measurement:
    """No field as it would be by itself."""
    return Measurement(
        "smile",
        "unusable",
        reason=UnusableReason.TOO_DARK,
        detail="4 %",
        quality=Quality(faces_max=1, frames=2, yaw=3.5),
        timestamps=(0.0, 0.5),
        signals={"mouth-width": (0.25, None), "jaw-open": (None, 0.5)},
        corners={"left": (1.0, None)},
        stats={"mouth-width_mean": 0.25, "mouth-width_var": 0.0},
        cues=(0.25,),
        timing={"total_s": 1.5},
        measurer={"name": "m", "digest": "d"},
    )


def test_every_field_survives_json() -> None:
    kept = json.loads(json.dumps(whole().to_json()))
    assert set(kept) == {field.name for field in fields(Measurement)}
    assert Measurement.from_json(kept) == whole()
    bare = Measurement("rest", "measured")
    assert Measurement.from_json(json.loads(json.dumps(bare.to_json()))) == bare


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_another_schema_is_refused_by_its_number(schema: object) -> None:
    with pytest.raises(ValueError, match=f"schema {schema}; this code reads 1"):
        Measurement.from_json({**whole().to_json(), "schema": schema})


def test_signals_are_a_table_in_their_order_with_gaps() -> None:
    found = whole().signal_table()
    assert found.shape == (2, len(SIGNALS))
    assert found.dtype == np.float64
    known = {(0, "mouth-width"): 0.25, (1, "jaw-open"): 0.5}
    for place, name in enumerate(SIGNALS):
        for row in (0, 1):
            value = found[row, place]
            assert value == known[row, name] if (row, name) in known else np.isnan(value)
    assert table({}, (), 3).shape == (3, 0)
    assert np.isnan(table({}, ("none",), 3)).all()


def test_features_are_the_columns_of_the_public_tables() -> None:
    assert whole().features() == {"smile_mouth-width_mean": 0.25, "smile_mouth-width_var": 0.0}


def test_a_series_is_rounded_and_its_gaps_are_none() -> None:
    found = series(np.array([0.12345, np.nan, 2.0], np.float32), 3)
    assert found == (0.123, None, 2.0)
    assert all(value is None or type(value) is float for value in found)


def test_embeddings_are_kept_as_float32_in_base64() -> None:
    packed = MEASURED.to_json()["embeddings"]["vectors"]
    flat = np.frombuffer(base64.b64decode(packed), "<f4")
    assert flat.tolist() == [0.5, -1.25, 3.0, 0.0, 2.0, 0.25]
