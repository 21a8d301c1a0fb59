"""``python -m benchmarks.stages`` gives every promised figure (the real run takes minutes)."""

import json

from benchmarks import stages


def test_the_figures_are_there_and_plausible() -> None:
    result = stages.measure_all(1, encoder=False, seconds=1.2)
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    one = result["one_core"]
    assert one["frames"] == 36
    # The whole holds decoding and the mesh, so it cannot be much cheaper than those.
    assert 0.7 < one["ratio_of_processor_time"] < 3
    assert one["seconds"]["whole_s"] > 0
    assert one["frames_per_second"]["mesh"] > 1
    two = result["two_processes"]
    assert isinstance(two, str) or 0.2 < two["speed_up"] < 3
    assert result["encoder"] == "not measured"
    table = stages._as_table(result)
    assert "whole / (decode + mesh)" in table
