"""The fold's own connection: the same statements batch after batch, each parsed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa

KEPT = 512
"""Parsed statements kept; the fold has about a hundred."""


@contextmanager
def transaction(
    connection: duckdb.DuckDBPyConnection, committing: AbstractContextManager[object] | None = None
) -> Iterator[None]:
    """All of it or nothing; `committing` is entered around the commit."""
    connection.execute("BEGIN")
    try:
        yield
        with committing or nullcontext():
            connection.execute("COMMIT")
    except BaseException:
        with suppress(duckdb.TransactionException):  # a commit that failed has ended it
            connection.execute("ROLLBACK")
        raise


class Script:
    """Parsing is a sixth of a small batch, so it is done once a statement. One thread's.

    `found` counts what the stages of a batch come across, by name, for those who watch the fold.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.found: Counter[str] = Counter()
        self._parsed = lru_cache(KEPT)(connection.extract_statements)

    def execute(
        self, sql: str, parameters: Sequence[object] | dict[str, object] | None = None
    ) -> duckdb.DuckDBPyConnection:
        (statement,) = self._parsed(sql)
        return self.connection.execute(statement, parameters or None)

    def first(
        self, sql: str, parameters: Sequence[object] | dict[str, object] | None = None
    ) -> tuple[Any, ...] | None:
        """The first row, or the number of rows changed. Reads the whole result: a connection refuses other
        work while some of it is unread."""
        rows = self.execute(sql, parameters).fetchall()
        return rows[0] if rows else None

    def one(self, sql: str) -> tuple[Any, ...]:
        """The one row that there always is."""
        (row,) = self.execute(sql).fetchall()
        return row

    @contextmanager
    def table(self, name: str, rows: pa.Table) -> Iterator[None]:
        """An Arrow table under a name, read in place."""
        self.connection.register(name, rows)
        try:
            yield
        finally:
            self.connection.unregister(name)
