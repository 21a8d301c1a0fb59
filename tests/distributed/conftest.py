"""One many-machine site for all fault tests: each uses a patient of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.journey import (
    Clinic,
    check_whole,
    open_clinic,
    record_all,
    result_of,
    rows_of,
    submit,
)
from tests.servers import ObjectStore, PostgreSQL, Redis
from tests.topology import many_machines


@pytest.fixture(scope="session")
def clinic(
    tmp_path_factory: pytest.TempPathFactory,
    postgresql: PostgreSQL,
    redis_server: Redis,
    object_store: ObjectStore,
) -> Iterator[Clinic]:
    folder = tmp_path_factory.mktemp("site")
    with many_machines(folder, postgresql, redis_server, object_store) as topology:
        yield open_clinic(topology)


@pytest.fixture(autouse=True)
def site_logs_when_it_fails(request: pytest.FixtureRequest) -> Iterator[None]:
    """A failed fault test shows what each program last said."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed and "clinic" in request.fixturenames:
        print(request.getfixturevalue("clinic").topology.logs())


@pytest.fixture(scope="session")
def undisturbed(clinic: Clinic, drawn_clips: dict[str, Path]) -> dict[str, Any]:
    """The result of the journey when nothing goes wrong."""
    patient = clinic.patient(0)
    screening = patient.begin()
    record_all(patient, screening, drawn_clips)
    submit(patient, screening)
    patient.wait_for_state(screening["id"], "released")
    check_whole(rows_of(clinic, screening))
    return result_of(clinic, screening)
