"""Three overlapping files, shuffled, one of them undone and imported again: what remains adds up as SQL says.

The files of Online Retail share whole invoices: an invoice of which two files hold other lines is a conflict,
which the last test is about. The purchases of CDNOW have no number: equal rows of a file are told apart by
counting them, so the purchases that two files share are as many as the file with more of them holds."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import duckdb
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.processors.corrections import Act, Corrections
from kizuna.processors.projector import Projector
from kizuna.processors.turns import Turns
from kizuna.projections import canon
from kizuna.projections.imports import read_import
from kizuna.projections.store import Store
from tests.folding import KEY, folded, memory_log, shipped_definitions
from tests.importing import BEGAN, example, import_file

from .conftest import FILES, traits

AMOUNT = "Quantity * Price::DECIMAL(18,4)"
ORDER = "Invoice NOT LIKE 'A%' AND Invoice NOT LIKE 'C%' AND Quantity > 0"
MONEY = f"(({ORDER}) OR Invoice LIKE 'C%')"
ACT = Act({"kind": "staff", "id": "S-8"}, "of another shop")


class Data(NamedTuple):
    """A data set: which sixths of it are told apart by what, and its figures by SQL over the files."""

    name: str
    currency: str
    zone: str
    split: str
    customers: str
    days: str


RETAIL = Data(
    "online-retail",
    "GBP",
    "Europe/London",
    "hash(Invoice) % 6",
    f'SELECT "Customer ID"::VARCHAR, sum({AMOUNT}), count(DISTINCT Invoice) FILTER ({ORDER})'
    f' FROM truth WHERE {MONEY} AND "Customer ID" IS NOT NULL GROUP BY 1 ORDER BY 1',
    "SELECT day, count(*), sum(amount) FROM"
    f" (SELECT min(InvoiceDate)::DATE AS day, sum({AMOUNT}) AS amount FROM truth WHERE {MONEY}"
    " GROUP BY Invoice) GROUP BY day ORDER BY day",
)
CDNOW = Data(
    "cdnow",
    "USD",
    "America/New_York",
    "hash(file_row_number) % 6",
    "SELECT customer_id::VARCHAR, sum(amount::DECIMAL(18,4)), count(*) FROM truth GROUP BY 1 ORDER BY 1",
    "SELECT date::DATE AS day, count(*), sum(amount::DECIMAL(18,4)) FROM truth GROUP BY day ORDER BY day",
)
SIXTHS = {1: "0, 1, 2", 2: "2, 3, 4", 3: "4, 5, 0"}


class Parts:
    """A data set cut into the files 1, 2 and 3, and a store into which they are imported."""

    def __init__(self, data: Data, source: Path, folder: Path, cuts: dict[int, str]) -> None:
        self._data = data
        self._map = example(data.name)
        self._folder = folder
        self._minutes = 0
        self._files = {number: folder / f"part-{number}.parquet" for number in cuts}
        with duckdb.connect() as connection:
            for number, file in self._files.items():
                connection.execute(
                    "COPY (SELECT * EXCLUDE file_row_number FROM "
                    f"read_parquet('{source}', file_row_number = true) WHERE {cuts[number]} "
                    f"ORDER BY hash(file_row_number + {number})) TO '{file}' (FORMAT parquet)"
                )
        self.log: MemoryLog = memory_log()
        self.log.append(topics.DEFINITIONS, shipped_definitions(data.currency))
        self._stack = ExitStack()
        self.store: Store
        self.projector: Projector
        self.store, self.projector = self._stack.enter_context(folded(self.log))
        turns = Turns(self.log, self.store, self.projector)
        self.corrections = Corrections(turns, self.log, KEY, self._now, uuid4)

    def close(self) -> None:
        self._stack.close()

    def _now(self) -> datetime:
        self._minutes += 1
        return BEGAN + timedelta(minutes=self._minutes)

    def bring(self, number: int) -> str:
        """Import a file; the id of the import."""
        began = self._now()
        file = self._files[number]
        report = import_file(file, self._map, self._folder / "imports", log=self.log, began=began).report
        self.projector.fold_all()
        return report.import_id

    def undo(self, import_id: str) -> int:
        """How many of its events still count by another file."""
        done = self.corrections.undo_import(import_id, ACT)
        assert done is not None
        assert done.replaced is not None
        return done.replaced

    def redo(self, import_id: str) -> None:
        assert self.corrections.redo_import(import_id, ACT) is not None

    def counts(self, import_id: str) -> dict[str, Any]:
        with self.store.read() as snapshot:
            found = read_import(snapshot, import_id)
        assert found is not None
        return found

    def truth(self, query: str, *numbers: int) -> list[tuple[Any, ...]]:
        """Rows of a query over these files: `parts` are the rows of each, with their `file`; `truth` has
        those that several files hold once. Equal rows of one file are true: `nth` tells them apart."""
        with duckdb.connect() as connection:
            (columns,) = connection.execute(
                "SELECT string_agg('\"' || column_name || '\"', ', ') FROM "
                f"(DESCRIBE FROM '{self._files[numbers[0]]}')"
            ).fetchall()[0]
            parts = " UNION ALL ".join(
                f"SELECT *, {number} AS file, row_number() OVER (PARTITION BY {columns}) AS nth "
                f"FROM '{self._files[number]}'"
                for number in numbers
            )
            connection.execute(f"CREATE VIEW parts AS {parts}")
            connection.execute("CREATE VIEW truth AS SELECT DISTINCT * EXCLUDE (file) FROM parts")
            return connection.execute(query).fetchall()

    def state(self, query: str) -> list[tuple[Any, ...]]:
        with self.store.read() as snapshot:
            return snapshot.execute(query).fetchall()

    def adds_up(self, *numbers: int) -> None:
        """Totals by customer and by day are those of these files."""
        customers = self.truth(self._data.customers, *numbers)
        state = self.state(
            "SELECT i.value, sum(m.amount), count(*) FILTER (m.type = 'order.completed') FROM movements m"
            " JOIN identifiers i ON i.subject = m.owner GROUP BY 1 ORDER BY 1"
        )
        assert state == customers
        told = traits(self.store, "user_id", "lifetime_value", "orders_count")
        assert [(value, spent, orders or 0) for value, spent, orders in told] == customers
        days = self.state(
            f"SELECT timezone('{self._data.zone}', timezone('UTC', occurred_at))::DATE AS day, count(*),"
            " sum(amount) FROM movements GROUP BY day ORDER BY day"
        )
        assert days == self.truth(self._data.days, *numbers)
        assert len(days) > 100
        assert canon.twice(self.store.writer) == {}


@pytest.mark.parametrize(
    "data", [pytest.param(RETAIL, marks=pytest.mark.slow), CDNOW], ids=lambda data: data.name
)
def test_what_remains_adds_up(shared_data: Path, tmp_path: Path, data: Data) -> None:
    cuts = {number: f"{data.split} IN ({sixths})" for number, sixths in SIXTHS.items()}
    with closing(Parts(data, shared_data / f"{FILES[data.name]}.parquet", tmp_path, cuts)) as parts:
        first, second, third = (parts.bring(number) for number in (1, 2, 3))
        parts.adds_up(1, 2, 3)
        whole = {one: parts.counts(one) for one in (first, second, third)}
        assert whole[second]["duplicates"] > 0
        assert [one["failed"] for one in whole.values()] == [0, 0, 0]
        before = canon.digest(parts.store.writer)

        again = parts.undo(second)
        parts.adds_up(1, 3)
        # What the third file shares with the second counts by the third now.
        assert again == parts.counts(third)["events"] - whole[third]["events"] > 0
        assert parts.counts(second)["events"] == parts.counts(second)["duplicates"] == 0

        new = parts.bring(2)
        assert new != second
        parts.adds_up(1, 2, 3)
        assert parts.counts(new)["events"] == whole[second]["events"] - again

        parts.redo(second)
        parts.adds_up(1, 2, 3)
        assert {name: parts.counts(second)[name] for name in ("events", "duplicates")} == {
            name: whole[second][name] for name in ("events", "duplicates")
        }
        after = canon.digest(parts.store.writer)
        kept = ("events", "copies", "controls", "definitions")
        assert {name: its for name, its in after.items() if name not in kept} == {
            name: its for name, its in before.items() if name not in kept
        }


def test_an_invoice_of_which_two_files_hold_other_lines(shared_data: Path, tmp_path: Path) -> None:
    """The first file that holds it stands whole; the others' are failed events until the first is undone."""
    cuts = {number: f"Invoice < '491000' AND file_row_number % 3 = {number - 1}" for number in SIXTHS}
    per_invoice = (
        f"SELECT Invoice, arg_min(amount, file) FROM (SELECT Invoice, file, sum({AMOUNT}) AS amount"
        f" FROM parts WHERE {MONEY} GROUP BY ALL) GROUP BY Invoice ORDER BY Invoice"
    )
    state = (
        "SELECT coalesce(properties->>'order_id', properties->>'refund_id') AS invoice, amount"
        " FROM movements JOIN events USING (event_id) ORDER BY invoice"
    )
    source = shared_data / f"{FILES['online-retail']}.parquet"
    with closing(Parts(RETAIL, source, tmp_path, cuts)) as parts:
        first, second, third = (parts.bring(number) for number in (1, 2, 3))
        assert parts.state(state) == parts.truth(per_invoice, 1, 2, 3)
        conflicts = parts.counts(second)["failed"], parts.counts(third)["failed"]
        assert min(conflicts) > 500
        parts.undo(first)
        assert parts.state(state) == parts.truth(per_invoice, 2, 3)
        assert parts.counts(second)["failed"] == 0
        assert 0 < parts.counts(third)["failed"] < conflicts[1]
        parts.undo(second)
        assert parts.state(state) == parts.truth(per_invoice, 3)
        assert parts.counts(third)["failed"] == 0
        parts.redo(first)
        parts.redo(second)
        assert parts.state(state) == parts.truth(per_invoice, 1, 2, 3)
        assert (parts.counts(second)["failed"], parts.counts(third)["failed"]) == conflicts
