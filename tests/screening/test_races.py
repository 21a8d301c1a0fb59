"""The races of ``races.py``, on SQLite as a file and on PostgreSQL."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import PostgreSQL

ROOT = Path(__file__).resolve().parents[2]
NAMES = [
    "two_chunks_at_one_offset",
    "chunk_and_termination",
    "parts_of_one_film",
    "two_completions",
    "two_workers_claim_one_clip",
    "last_clip_measured_while_submitting",
    "two_workers_assess_one_screening",
    "two_sessions_scored_at_once",
    "a_session_scored_while_the_person_is_computed",
    "two_workers_compute_one_person",
    "erased_while_the_person_is_computed",
    "one_invitation_two_people",
    "two_tabs_start_one_screening",
    "two_bundles_activated",
    "numbers_are_visible_in_order",
    "a_rolled_back_number_leaves_no_gap",
    "reader_among_many_writers",
]


def run(database_url: str, folder: Path) -> dict[str, str | None]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "webapp.settings.test",
        "DATABASE_URL": database_url,
        "MIMIA_VAR": str(folder),
        "REDIS_URL": "",
        "MIMIA_S3_BUCKET": "",
        "MIMIA_LOG_LEVEL": "ERROR",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.screening.races"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str | None] = json.loads(done.stdout)
    assert list(found) == NAMES
    return found


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    folder = tmp_path_factory.mktemp("sqlite")
    return run(f"sqlite:///{folder / 'races.sqlite3'}", folder)


@pytest.fixture(scope="module")
def on_postgresql(
    postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str | None]:
    return run(postgresql.create_database("races"), tmp_path_factory.mktemp("postgresql"))


@pytest.mark.parametrize("race", NAMES)
def test_sqlite(on_sqlite: dict[str, str | None], race: str) -> None:
    assert on_sqlite[race] is None, on_sqlite[race]


@pytest.mark.distributed
@pytest.mark.parametrize("race", NAMES)
def test_postgresql(on_postgresql: dict[str, str | None], race: str) -> None:
    assert on_postgresql[race] is None, on_postgresql[race]
