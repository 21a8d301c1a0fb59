"""Synthetic people with features."""

from tests.ml.people import one_thread, table

__all__ = ["one_thread", "table"]
