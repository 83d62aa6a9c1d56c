"""The canonical hash: two stores at the same positions, definitions and time are equal if it is.

Of each `folded` or `read back` table, every column; internal numbers are resolved to identifiers first. A
table's hash does not depend on the order of its rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence

import duckdb

from .definitions import load_plan, read
from .tables import FIXED, LOG_COLUMNS, Table

_WORD = f"{2**64}::HUGEINT"
_PART = "(md5_number_lower(line) % 4096)::INTEGER"


def digest(connection: duckdb.DuckDBPyConnection, *, of_any_log: bool = False) -> dict[str, str]:
    """Per table its number of rows and the sum of their MD5s (mod 2^128), as text. `of_any_log` leaves out
    the columns that differ between two logs with the same events (`LOG_COLUMNS`)."""
    found = {}
    for table in compared(connection):
        (row,) = connection.execute(
            f"SELECT count(*), coalesce(sum(md5_number_upper(line)::HUGEINT), 0) % {_WORD}, "
            f"coalesce(sum(md5_number_lower(line)::HUGEINT), 0) % {_WORD} "
            f"FROM ({lines(table, LOG_COLUMNS if of_any_log else ())})"
        ).fetchall()
        found[table.name] = f"{row[0]}:{row[1]:016x}{row[2]:016x}"
    return found


def differing(
    one: duckdb.DuckDBPyConnection, other: duckdb.DuckDBPyConnection, tables: Iterable[Table], most: int = 5
) -> dict[str, list[str]]:
    """Rows that only one of two stores has, or has more often, per table, marked - and +: the first `most`
    of a part of the table, where it is large. They may hold personal data."""
    found = {}
    for table in tables:
        ours, theirs = _parts(one, table), _parts(other, table)
        unequal = sorted(part for part in ours.keys() | theirs.keys() if ours.get(part) != theirs.get(part))
        mine, its = (Counter(_lines(store, table, unequal[:most])) for store in (one, other))
        rows = [f"- {row}" for row in (mine - its).elements()] + [
            f"+ {row}" for row in (its - mine).elements()
        ]
        found[table.name] = sorted(rows, key=_text)[:most]
    return {name: rows for name, rows in found.items() if rows}


def _parts(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[int, tuple[int, int]]:
    """Rows, and the sum of their hashes, by part: a table may be larger than memory."""
    rows = connection.execute(
        f"SELECT {_PART} AS part, count(*), sum(md5_number_upper(line)::HUGEINT) % {_WORD} "
        f"FROM ({lines(table)}) GROUP BY part"
    ).fetchall()
    return {part: (many, hashed) for part, many, hashed in rows}


def _lines(connection: duckdb.DuckDBPyConnection, table: Table, parts: Sequence[int]) -> list[str]:
    rows = connection.execute(
        f"SELECT line FROM ({lines(table)}) WHERE list_contains(?, {_PART})", [list(parts)]
    ).fetchall()
    return [row[0] for row in rows]


def manifest(connection: duckdb.DuckDBPyConnection) -> tuple[Table, ...]:
    """Every table that the store has under the definitions it holds."""
    held = read(connection)
    waiting = held.next_plan.beyond(held.plan).tables if held.pending else ()
    return (*FIXED, *held.plan.tables, *waiting)


def compared(connection: duckdb.DuckDBPyConnection) -> tuple[Table, ...]:
    """The tables that the hash covers, those of the plan in force among them."""
    return tuple(table for table in (*FIXED, *load_plan(connection).tables) if table.role != "local")


def twice(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """State tables that hold a key twice, with the number of rows too many: none, unless the fold errs."""
    found = {}
    for table in compared(connection):
        key = ", ".join(f'"{name}"' for name in table.state_key)
        ((many,),) = connection.execute(
            f"SELECT count(*) - count(DISTINCT ({key})) FROM {table.name}"
        ).fetchall()
        if many:
            found[table.name] = int(many)
    return found


def lines(table: Table, without: Container[str] = ()) -> str:
    """SQL of the table's rows in their fixed text form, as column `line`; some columns may be left out."""
    columns, joins = [], []
    for name, _ in table.columns:
        if name in without:
            continue
        if name in table.subject_keys:
            joins.append(f'LEFT JOIN identifiers s_{name} ON s_{name}.subject = t."{name}"')
            columns.append(f"s_{name}.subject_id::VARCHAR")
        elif name in table.entity_keys:
            joins.append(f'LEFT JOIN entities e_{name} ON e_{name}.entity = t."{name}"')
            columns.append(f"e_{name}.entity_id::VARCHAR")
        else:
            columns.append(f't."{name}"::VARCHAR')
    return f"SELECT to_json([{', '.join(columns)}])::VARCHAR AS line FROM {table.name} t {' '.join(joins)}"


def _text(row: str) -> str:
    return row[2:]
