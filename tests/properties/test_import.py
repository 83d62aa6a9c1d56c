"""An import is a function of the set of rows: their order changes nothing, and a plain reference agrees."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.importing import Imported, a_map, import_text

HEADER = ["receipt", "at", "product", "quantity", "price", "member", "note"]
MAP = a_map(
    leave_out=[{"name": "tests", "when": {"column": "note", "eq": "test"}}],
    otherwise={"leave_out": "others"},
    events=[
        {
            "name": "sale",
            "type": "order.completed",
            "when": {
                "all": [{"column": "quantity", "gt": 0}, {"not": {"column": "receipt", "starts_with": "C"}}]
            },
            "group_by": ["receipt"],
            "occurred_at": {"column": "at", "pick": "min"},
            "ids": {"card": {"column": "member", "pick": "first"}},
            "properties": {
                "order_id": "receipt",
                "currency": {"constant": "JPY"},
                "total": {"column": "price", "type": "decimal", "pick": "sum"},
                "pieces": {"column": "quantity", "type": "integer", "pick": "sum"},
                "lines": {"each_row": {"name": "product", "note": "note"}},
            },
        },
        {
            "name": "change",
            "type": "custom.stock_changed",
            "when": {"column": "quantity", "lte": 0},
            "occurred_at": "at",
            "properties": {"id": {"row_id": True}, "product": "product", "note": "note"},
        },
    ],
)

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
rows = st.lists(
    st.tuples(
        st.sampled_from(["R1", "R2", "R3", "C1", ""]),
        st.sampled_from(["2026-01-01 10:00", "2026-01-01 09:59:59.5", "2026-03-01", ""]),
        st.sampled_from(["tea", "cake"]) | texts,
        st.sampled_from(["1", "2", "-1", "0", "x", "3"]),
        st.sampled_from(["0.1", "0.2", "300", "1.00005", "y"]),
        st.sampled_from(["", "M1", "M2"]),
        st.sampled_from(["", "test"]) | texts,
    ),
    max_size=12,
)  # fmt: skip


def imported(table: list[tuple[str, ...]]) -> Imported:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([HEADER, *table])
    with TemporaryDirectory() as folder:
        return import_text(Path(folder), written.getvalue(), MAP)


def content(found: Imported) -> tuple[Counter[str], Counter[str], dict[str, int]]:
    """All that must not depend on the order of rows: of a failed event the line may."""
    failed = [
        {name: value for name, value in one.items() if name not in ("line", "import_id")}
        for one in found.failed
    ]
    events = [{name: value for name, value in one.items() if name != "import_id"} for one in found.events]
    return Counter(map(str, events)), Counter(map(str, failed)), found.report.left_out


def number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def reference(table: list[tuple[str, ...]]) -> tuple[dict[str, dict[str, Any]], int, int]:
    """Orders by id, how many changes, and how many failures."""
    groups: dict[str, list[dict[str, str]]] = defaultdict(list)
    changes = failures = 0
    for values in table:
        row = dict(zip(HEADER, values, strict=True))
        quantity = number(row["quantity"])
        if row["note"] == "test" or quantity is None:
            continue
        if quantity <= 0:
            changes, failures = (changes + 1, failures) if row["at"] else (changes, failures + 1)
        elif not row["receipt"].startswith("C"):
            if row["receipt"]:
                groups[row["receipt"]].append(row)
            else:
                failures += 1
    orders: dict[str, dict[str, Any]] = {}
    for receipt, members in groups.items():
        if any(not row["at"] or number(row["price"]) is None for row in members):
            failures += 1
            continue
        prices = [Decimal(row["price"]).quantize(Decimal("0.0001"), ROUND_HALF_UP) for row in members]
        orders[receipt] = {
            "total": format(sum(prices), "f"),
            "pieces": sum(int(row["quantity"]) for row in members),
            # A row that gives none of a line's values makes no line.
            "lines": Counter(
                (row["product"] or None, row["note"] or None)
                for row in members
                if row["product"] or row["note"]
            ),
            "at": min(row["at"] for row in members),
        }
    return orders, changes, failures


@settings(max_examples=max(30, settings().max_examples // 10))
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(table: list[tuple[str, ...]], rng: random.Random) -> None:
    before = content(imported(table))
    rng.shuffle(table)
    assert content(imported(table)) == before


@settings(max_examples=max(30, settings().max_examples // 10))
@example([("R1", "2026-01-01 10:00", "", "1", "0.1", "", "")])
@given(rows)
def test_a_plain_reference_agrees(table: list[tuple[str, ...]]) -> None:
    found = imported(table)
    orders, changes, failures = reference(table)
    assert (found.report.rows, found.report.failed) == (len(table), failures)
    assert sum(event["type"] == "custom.stock_changed" for event in found.events) == changes
    made = {one["properties"]["order_id"]: one for one in found.events if one["type"] == "order.completed"}
    assert made.keys() == orders.keys()
    for receipt, order in orders.items():
        properties = made[receipt]["properties"]
        assert (properties["total"], properties["pieces"]) == (order["total"], order["pieces"])
        lines = Counter((line.get("name"), line.get("note")) for line in properties.get("lines", []))
        assert lines == order["lines"]
        assert made[receipt]["occurred_at"].startswith(order["at"].replace(" ", "T"))
    assert len({event["event_id"] for event in found.events}) == len(found.events)
    assert len({one["failed_id"] for one in found.failed}) == len(found.failed)
