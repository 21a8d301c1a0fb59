"""``/readyz`` in a test that ends by a rollback: asked on the test's own thread and connection."""

import threading

import pytest


@pytest.fixture(autouse=True)
def _ready_sees_this_tests_rows(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its threads would look past the test's open transaction, or wait for it."""
    marker = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames or (
        marker is not None and marker.kwargs.get("transaction")
    )
    if commits or (marker is None and "db" not in request.fixturenames):
        return
    from webapp import health

    def begin(probe: health.Probe) -> None:
        probe._answered = threading.Event()
        probe._said = health._result(probe.name, probe.check)
        probe._answered.set()

    monkeypatch.setattr(health.Probe, "begin", begin)
    # No worker is going to answer.
    monkeypatch.setattr(health, "WORKER_SECONDS", 0.1)
