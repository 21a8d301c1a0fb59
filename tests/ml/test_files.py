"""A file is whole or not there."""

from pathlib import Path

import pytest

from ml.files import whole, write, write_json


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "made" / "a.json"
    write(file, "before")
    with pytest.raises(OSError, match="in the way"), whole(file) as partial:  # noqa: PT012
        partial.write_text("half")
        assert (partial.parent, partial.suffix) == (file.parent, ".json")
        (partial / "in the way").mkdir()
    with pytest.raises(ValueError, match="JSON"):
        write_json(file, {"a": float("nan")})
    assert file.read_text() == "before"
    assert list(file.parent.iterdir()) == [file]


def test_what_is_written_takes_the_place_at_once(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write(file, "before")
    with file.open() as reader:
        write_json(file, {"b": 1, "a": 2}, is_sorted=True)
        assert reader.read() == "before"
    assert file.read_text() == '{"a": 2, "b": 1}\n'
