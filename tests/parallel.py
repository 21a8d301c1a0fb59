"""Two processes, one order: ``pytest -n 2 --dist loadgroup --no-loadscope-reorder``.

What ends by a rollback runs before what commits and empties the database after it: pytest-django
orders a process's tests so, since rows that migrations made are gone afterwards. A group here is a
file's tests of one of these kinds, and groups are handed out in that order. The tests of many
machines are one group: their site takes half a minute to start, and one is enough.
"""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.nodeid.partition("::")[0]
        if place.startswith("tests/distributed/"):
            place = "tests/distributed"
        group = f"{_kind(item)}:{place}"
        item.add_marker(pytest.mark.xdist_group(group))


def _kind(item: pytest.Item) -> str:
    fixtures = getattr(item, "fixturenames", ())
    marker = item.get_closest_marker("django_db")
    if "transactional_db" in fixtures or (marker and marker.kwargs.get("transaction")):
        return "commits"
    return "rolls back" if marker or "db" in fixtures else "neither"
