"""The synthetic people that the scoring's own tests use."""

from tests.ml.people import one_thread, table

__all__ = ["one_thread", "table"]
