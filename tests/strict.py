"""With MIMIA_STRICT set nothing may be skipped: a skip, or an expected failure, fails the run.

A test that is skipped where it matters looks just like one that passes. ``make test STRICT=1`` and
continuous integration run this way.
"""

import os
from collections.abc import Generator

import pytest

STRICT = bool(os.environ.get("MIMIA_STRICT"))


def _skip_is_failure(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not STRICT or report.outcome != "skipped":
        return
    where = report.longrepr
    why = where[2] if isinstance(where, tuple) else getattr(report, "wasxfail", str(where))
    report.outcome = "failed"
    report.longrepr = f"skipped in a strict run, which is a failure: {why}"
    if hasattr(report, "wasxfail"):
        del report.wasxfail


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _skip_is_failure(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _skip_is_failure(report)
    return report
