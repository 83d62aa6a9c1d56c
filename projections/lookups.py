"""Rows by number: the same few statements for every reader, each parsed once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import duckdb

KEPT = 500
"""Parsed statements kept. Parsing is a fifth of reading a profile's row."""

_parsed: dict[str, duckdb.Statement] = {}


def rows_of(
    snapshot: duckdb.DuckDBPyConnection, select: str, column: str, numbers: Collection[int]
) -> list[tuple[Any, ...]]:
    """What `select` gives of the rows whose column is one of these numbers."""
    if len(numbers) == 1:
        (number,) = numbers
        return fetch(snapshot, f"{select} WHERE {column} = $1", number)
    # DuckDB pushes this join into the scan; with a plain list of two it reads all columns of every row.
    return fetch(snapshot, f"{select} WHERE {column} IN (SELECT unnest($1::BIGINT[]))", list(numbers))


def fetch(snapshot: duckdb.DuckDBPyConnection, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a statement whose text is always the same; what differs are its values."""
    statement = _parsed.get(sql)
    if statement is None:
        (statement,) = snapshot.extract_statements(sql)
        if len(_parsed) >= KEPT:
            _parsed.clear()
        _parsed[sql] = statement
    return snapshot.execute(statement, list(values)).fetchall()


def among(column: str, numbers: Collection[int]) -> str:
    """Whether a column is one of these numbers, as SQL for a larger condition."""
    if len(numbers) == 1:
        (number,) = numbers
        return f"{column} = {number}"
    return f"{column} IN ({listed(numbers)})"


def listed(numbers: Iterable[int]) -> str:
    """Numbers as a query."""
    return f"SELECT unnest([{', '.join(map(str, numbers))}]::BIGINT[])"
