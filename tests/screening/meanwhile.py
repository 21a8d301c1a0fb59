"""What another request does between two statements of this one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def before(words: str, act: Callable[[], object]) -> Iterator[None]:
    """Lets ``act`` happen before the first statement with these words: another was quicker."""
    waiting = [act]

    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if words in sql and waiting:
            waiting.pop()()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield
    assert not waiting, f"no statement with {words}"
