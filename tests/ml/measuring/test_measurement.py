"""A stored measurement is read back, whichever of its two layouts it was written in."""

import json

import pytest

from ml.measuring.measurement import Embeddings, Measurement

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
