"""Rows become events to be: a private DuckDB types and groups the rows of a file, and sorts what comes out by
time. It spills to a folder of its own, and SQL in it reaches no other file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from kizuna.projections.store import is_full
from kizuna.schemas.errors import ConfigurationError, TransientError

from .conditions import decide
from .decoding import UNDECODABLE
from .maps import ImportMap
from .readers import BadRow, Reader
from .rule_query import COLUMNS, events_query, group_items_query, nameless_query
from .sheet import Sheet, problem, quoted

NO_RULE = -1
"""Number of the rule of what failed before any rule could take it."""

MEMORY = "1GB"
ROWS_AT_ONCE = 400_000
"""Rows grouped at a time: DuckDB keeps the texts of a group in memory until the group is done."""


class Item(NamedTuple):
    """An event to be, or a failure. `number` tells equal failures apart, from 1."""

    rule: int
    key: str | None
    submission: str | None
    line: int
    n_rows: int
    error: str | None
    item: str | None
    number: int


class Arrangement:
    """The rows of one file under one map, in `folder`, which is the caller's to remove. `rows` counts those
    of the file, `total_rows` those of all items: a row may belong to several."""

    def __init__(self, folder: Path, import_map: ImportMap) -> None:
        self._map = import_map
        self.rows = 0
        self.left_out: dict[str, int] = {}
        self.total_rows = 0
        with self._translated():
            self._connection = _open(folder)

    def __enter__(self) -> Arrangement:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def load(self, reader: Reader, progress: Callable[[int, float], None]) -> Sheet:
        """Read the whole file. `progress` is told the rows so far and the share of the file."""
        columns = reader.columns
        wanted = sorted({column for _, column in self._map.columns()}) if columns is None else list(columns)
        texts = [f"c{number}" for number in range(len(wanted))]
        own = [] if columns is not None else ["text"]
        self._connection.execute(
            f"CREATE TABLE rows (line BIGINT{''.join(f', {name} VARCHAR' for name in (*own, *texts))})"
        )
        insert = _insert_lines(wanted) if columns is None else _insert_columns(texts)
        with self._translated():
            self._connection.execute("BEGIN")
            for batch, bad, share in reader.batches():
                self._connection.register("arriving", pa.Table.from_batches([batch]))
                self._connection.execute(insert)
                self._connection.unregister("arriving")
                self._set_aside(bad)
                self.rows += batch.num_rows + len(bad)
                progress(self.rows, share)
            self._connection.execute("COMMIT")
        form = self._map.format
        return Sheet(
            expressions=dict(zip(wanted, texts, strict=True)),
            content="text" if columns is None else _content(wanted),
            identity="text" if columns is None else ", ".join(texts),
            unreadable=_unreadable(texts, form.encoding) if reader.undecodable else "NULL",
            nulls=tuple(form.nulls),
            decimal=form.decimal,
            thousands=form.thousands,
        )

    def arrange(self, sheet: Sheet) -> None:
        """Make every event to be, and put them in the order of time, then of their keys: the same order
        whatever the order of the rows."""
        self._connection.execute(f"SET TimeZone = {quoted(self._map.time_zone)}")
        with self._translated():
            self._make(sheet)
            self._connection.execute(
                "CREATE TABLE arranged AS SELECT rule, key, submission, line, n_rows, error, item, n FROM ("
                "SELECT *, 0 AS n FROM made WHERE error IS NULL UNION ALL"
                " SELECT *, row_number() OVER (PARTITION BY rule, item ORDER BY line) FROM made"
                " WHERE error IS NOT NULL) ORDER BY occurred_at NULLS FIRST, rule, key, submission, item, n"
            )
            self._connection.execute("DROP TABLE made")
            self.total_rows = self._count("SELECT coalesce(sum(n_rows), 0) FROM arranged")

    def items(self, start: int, limit: int) -> list[Item]:
        """At most `limit` of what was arranged, from number `start` on."""
        rows = self._connection.execute(
            "SELECT * FROM arranged WHERE rowid >= ? AND rowid < ? ORDER BY rowid", [start, start + limit]
        ).fetchall()
        return [Item(*row) for row in rows]

    def rows_before(self, number: int) -> int:
        """The rows of what stands before item `number`."""
        return self._count(f"SELECT coalesce(sum(n_rows), 0) FROM arranged WHERE rowid < {number}")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What reader and DuckDB raise, as errors that say what to do."""
        try:
            yield
        except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
            raise ConfigurationError(f"The map cannot be applied: {error}") from None
        except duckdb.Error as error:
            if not (isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException) or is_full(error)):
                raise
            what = str(error).partition("\n")[0].rstrip(".")
            raise TransientError(
                f"The rows cannot be sorted: {what}.",
                hint="Make room on the disk, then run it again; of very long rows import fewer at a time.",
            ) from None
        except (pa.ArrowInvalid, OSError, UnicodeError) as error:
            raise ConfigurationError(
                f"The file cannot be read behind row {self.rows:,}: {str(error).rstrip('.')}.",
                hint="Look there for a quote that is not closed, or damage.",
            ) from None

    def _make(self, sheet: Sheet) -> None:
        fits = self._leave_out(sheet)
        buckets = -(-max(self.rows, 1) // ROWS_AT_ONCE)
        for number, rule in enumerate(self._map.events):
            if not rule.group_by:
                self._insert(events_query(number, rule, sheet, fits))
            else:
                keys = ", ".join(f"k{n}" for n in range(len(rule.key)))
                for bucket in range(buckets):
                    self._insert(
                        events_query(number, rule, sheet, fits, f"hash({keys}) % {buckets} = {bucket}")
                    )
                failed = f"SELECT key FROM made WHERE rule = {number} AND error IS NOT NULL"
                if self._count(f"SELECT count(*) FROM ({failed})"):
                    items = group_items_query(rule, sheet, fits, failed)
                    self._connection.execute(
                        f"UPDATE made SET item = its.item FROM ({items}) its"
                        f" WHERE made.rule = {number} AND made.key = its.key AND made.error IS NOT NULL"
                    )
            if rule.key:
                self._insert(nameless_query(number, rule, sheet, fits))

    def _leave_out(self, sheet: Sheet) -> str:
        """Counts the rows that are no events; SQL of those that may be."""
        left = [(one.name, decide(one.when, sheet)) for one in self._map.leave_out]
        fits = f"NOT ({' OR '.join(test for _, test in left)})" if left else "true"
        taken = " OR ".join(decide(rule.when, sheet) if rule.when else "true" for rule in self._map.events)
        nobody = f"({fits}) AND NOT ({taken})"
        if self._map.otherwise == "fail":
            wrong = problem("", "no event of the map takes this row")
            failed = f"SELECT {NO_RULE}, NULL, NULL, NULL, line, 1, {wrong}, {sheet.content}"
            self._insert(f"{failed} FROM rows WHERE {nobody}")
        else:
            left.append((self._map.otherwise.leave_out, nobody))
        earlier = "false"
        for name, test in left:
            count = self._count(f"SELECT count(*) FROM rows WHERE {test} AND NOT ({earlier})")
            self.left_out[name] = self.left_out.get(name, 0) + count
            earlier += f" OR {test}"
        return fits

    def _set_aside(self, bad: list[BadRow]) -> None:
        if bad:
            lines, texts, reasons = zip(*bad, strict=True)
            table = pa.table({"line": lines, "item": texts, "error": [f"\x1f{reason}" for reason in reasons]})
            self._connection.register("set_aside", table)
            self._insert(f"SELECT {NO_RULE}, NULL, NULL, NULL, line, 1, error, item FROM set_aside")
            self._connection.unregister("set_aside")

    def _insert(self, query: str) -> None:
        self._connection.execute(f"INSERT INTO made ({COLUMNS}) {query}")

    def _count(self, query: str) -> int:
        ((count,),) = self._connection.execute(query).fetchall()
        return int(count)


def _open(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(folder / "rows.duckdb"))
    for setting in (
        f"SET temp_directory = {quoted(str(folder / 'spill'))}",
        f"SET memory_limit = '{MEMORY}'",
        "SET threads = 2",
        "SET TimeZone = 'UTC'",
        "SET checkpoint_threshold = '1GB'",
        "SET enable_external_access = false",
    ):
        connection.execute(setting)
    connection.execute(
        "CREATE TABLE made (rule INTEGER, key VARCHAR, occurred_at TIMESTAMPTZ, submission VARCHAR,"
        " line BIGINT, n_rows BIGINT, error VARCHAR, item VARCHAR)"
    )
    return connection


def _insert_columns(texts: list[str]) -> str:
    return (
        f"INSERT INTO rows SELECT line{''.join(f', CAST({name} AS VARCHAR)' for name in texts)} FROM arriving"
    )


def _insert_lines(wanted: list[str]) -> str:
    """The columns that the map wants out of JSON, where `a.b` is the member b of a."""
    if not wanted:
        return "INSERT INTO rows FROM arriving"
    paths = ", ".join(quoted("$" + "".join(f'."{step}"' for step in name.split("."))) for name in wanted)
    columns = ", ".join(f"found[{number}]" for number in range(1, len(wanted) + 1))
    return (
        f"INSERT INTO rows SELECT line, text, {columns}"
        f" FROM (SELECT line, text, json_extract_string(text, [{paths}]) AS found FROM arriving)"
    )


def _content(names: list[str]) -> str:
    """A row as JSON text, by the names of its columns."""
    members = (
        f"{quoted(name)}, c{number}" for name, number in sorted(zip(names, range(len(names)), strict=True))
    )
    return f"CAST(json_object({', '.join(members)}) AS VARCHAR)"


def _unreadable(texts: list[str], encoding: str) -> str:
    wrong = problem("", f"has bytes that are not {encoding}")
    return f"CASE WHEN contains(concat({', '.join(texts)}), {quoted(UNDECODABLE)}) THEN {wrong} END"
