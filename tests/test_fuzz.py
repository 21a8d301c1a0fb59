"""No 5xx from anybody: what ``tests/fuzz`` asks for a minute, on SQLite and on PostgreSQL."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from screening import inputs
from tests.servers import PostgreSQL

ROOT = Path(__file__).resolve().parents[1]


def begin(database_url: str, folder: Path) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webapp.settings.test",
        "DATABASE_URL": database_url,
        "MIMIA_VAR": str(folder),
        "REDIS_URL": "",
        "MIMIA_S3_BUCKET": "",
        "MIMIA_LOG_LEVEL": "ERROR",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check(running: "subprocess.Popen[str]") -> None:
    told, errors = running.communicate(timeout=600)
    assert told, errors
    found: dict[str, Any] = json.loads(told)
    assert found["one thing wrong"] == [], found
    assert found["story"] == [], found
    # It got past the log-in and the permissions, and into what it was sent for.
    assert found["requests"] > 2000
    for status in ("200", "201", "204", "400", "403", "404", "409", "422"):
        assert found["answers"].get(status, 0) > 10, found["answers"]


@pytest.mark.timeout(900)
def test_sqlite(tmp_path: Path) -> None:
    check(begin(f"sqlite:///{tmp_path / 'fuzz.sqlite3'}", tmp_path))


@pytest.mark.nightly
@pytest.mark.distributed
@pytest.mark.timeout(900)
def test_postgresql(postgresql: PostgreSQL, tmp_path: Path) -> None:
    check(begin(postgresql.create_database("fuzz"), tmp_path))


@pytest.mark.parametrize(
    "body",
    [
        b'"\\u0000"', b'{"a": ["\\ud800"]}', b'{"\\udfff": 1}', b"[" * 100_000, b"1e999", b"NaN",
        b'{"a": -Infinity}', b"9" * 5000, b"\xff", b"[" * 40 + b"]" * 40,
    ],
)  # fmt: skip
def test_json_that_must_not_come_in(body: bytes) -> None:
    with pytest.raises(ValueError):
        inputs.from_json(body)


@pytest.mark.parametrize(
    "typed",
    ["1e04560b-7115-4237-a7fa-a2f264a312eb", "9e999", "[see below]", "NaN", "-", '"so"', "7"],
)
def test_words_in_a_form_that_begin_like_json_are_words(typed: str) -> None:
    assert inputs._is_harmless(typed)


@pytest.mark.parametrize("sent", ["[" * 5000, '{"a": 1e999}', '["\\u0000"]', "9" * 5000])
def test_json_in_a_form_is_held_to_the_same_rules(sent: str) -> None:
    assert not inputs._is_harmless(sent)


def test_json_that_may() -> None:
    written = '{"name": "Zoë 🙂 \\ud83d\\ude42", "at": [1.5, -2e3, null, true], "n": 10}'
    assert inputs.from_json(written.encode())["name"] == "Zoë 🙂 🙂"
