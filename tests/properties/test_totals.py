"""Totals are what a slow count over each order's story gives, whatever happened to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections import totals
from kizuna.projections.selection import Filter
from kizuna.schemas.definitions import Workspace
from tests.examples import examples
from tests.folding import NOW, accepted, folded, memory_log, shipped_definitions

TOKYO = ZoneInfo("Asia/Tokyo")
START = datetime(2026, 4, 10, 12, tzinfo=TOKYO)
DAYS = ("2026-04-09", "2026-04-10", "2026-04-11")

amounts = st.sampled_from(["0", "1.5", "7", "20"])
days = st.sampled_from([None, None, *DAYS])
tenders = st.none() | st.lists(
    st.fixed_dictionaries({"method": st.sampled_from(["cash", "card"]), "amount": amounts}), max_size=2
)
details = {
    "tax": st.none() | amounts,
    "discount": st.none() | amounts,
    "points_used": st.none() | amounts,
    "tenders": tenders,
    "void": st.sampled_from([None, None, True, False]),
    "business_date": days,
    "lines": st.none() | st.lists(st.fixed_dictionaries({"discount": st.none() | amounts}), max_size=2),
}
order_id = st.sampled_from(["o1", "o2", "o3", "o4"])
properties = st.one_of(
    st.tuples(
        st.just("completed"),
        st.fixed_dictionaries(
            {"order_id": order_id, "currency": st.just("JPY"), "total": amounts, **details}
        ),
    ),
    st.tuples(
        st.just("updated"),
        st.fixed_dictionaries({"order_id": order_id, "total": amounts, **details}),
    ),
    st.tuples(st.just("cancelled"), st.fixed_dictionaries({"order_id": order_id})),
    st.tuples(
        st.just("refunded"),
        st.fixed_dictionaries(
            {
                "order_id": st.none() | order_id,
                "currency": st.just("JPY"),
                "amount": st.sampled_from(["1.5", "7", "-1"]),
                "business_date": days,
            }
        ),
    ),
)
stories = st.lists(
    st.tuples(properties, st.integers(0, 40), st.sampled_from([None, "1", "2"]), st.booleans()),
    max_size=24,
)
Figures = dict[tuple[str, ...], Decimal]


def items(story: Iterable[tuple[tuple[str, dict[str, Any]], int, str | None, bool]]) -> list[dict[str, Any]]:
    return [
        {
            "type": f"order.{verb}",
            "message_id": str(number),
            "occurred_at": (START + timedelta(hours=hour, seconds=number)).isoformat(),
            "properties": {name: value for name, value in said.items() if value is not None},
            "test": test and hour % 3 == 0,
            **({"place": {"store": "S", "register": register}} if register else {}),
        }
        for number, ((verb, said), hour, register, test) in enumerate(story)
    ]


class Order:
    """An order as its events are read, one after the other."""

    def __init__(self) -> None:
        self.rung_up = self.void = self.over = False
        self.total = self.refunds = Decimal(0)
        self.said: dict[str, Any] = {}

    def figures(self) -> Figures:
        """Where the order stands: gross and net, and what it says if it is neither void nor cancelled."""
        found: Figures = defaultdict(Decimal)
        found["gross",] = self.total if self.rung_up else Decimal(0)
        void = self.void or self.over
        found["net",] = Decimal(0) if void else found["gross",] - self.refunds
        if self.rung_up and not void:
            lines = sum(Decimal(one.get("discount") or 0) for one in self.said.get("lines") or ())
            found["discounts",] = Decimal(self.said.get("discount") or 0) + lines
            for name in ("tax", "points_used"):
                found[name,] = Decimal(self.said.get(name) or 0)
            for one in self.said.get("tenders") or ():
                found["tender", one["method"]] += Decimal(one["amount"])
        return found

    def take(self, verb: str, says: dict[str, Any]) -> Figures:
        """What the event moves."""
        if self.over:
            return {}
        before, was_void, known = self.figures(), self.void, self.rung_up
        if verb in ("completed", "updated"):
            self.said = dict(says) if verb == "completed" else {**self.said, **says}
            self.total = Decimal(says["total"])
            self.void = says.get("void", False if verb == "completed" else self.void)
            self.rung_up = self.rung_up or verb == "completed"
        elif verb == "refunded":
            self.refunds += Decimal(says["amount"])
        elif self.rung_up:
            self.over = True
        after = self.figures()
        moved = defaultdict(Decimal, {name: after[name] - before[name] for name in {*before, *after}})
        net = moved["net",]
        if verb == "refunded":
            moved["refunded",], moved["refunds",] = net, Decimal(net != 0)
        elif verb == "cancelled":
            moved["cancelled",], moved["cancellations",] = net, Decimal(self.over and not was_void)
        else:
            moved["voided",] = net - moved["gross",]
            moved["orders",] = Decimal(self.rung_up) - known
            moved["voids",] = Decimal(self.rung_up and self.void) - (known and was_void)
        return moved


def counted(sent: list[dict[str, Any]]) -> dict[tuple[str, str | None], Figures]:
    """By business day and register."""
    orders: dict[str | None, Order] = defaultdict(Order)
    found: dict[tuple[str, str | None], Figures] = defaultdict(lambda: defaultdict(Decimal))
    unknown: list[tuple[str | None, tuple[str, str | None], Decimal]] = []
    for item in sorted(sent, key=lambda one: datetime.fromisoformat(one["occurred_at"])):
        if item["test"]:
            continue
        says, verb = item["properties"], item["type"].removeprefix("order.")
        at = datetime.fromisoformat(item["occurred_at"]).astimezone(TOKYO).date().isoformat()
        cell = (says.get("business_date", at), item.get("place", {}).get("register"))
        order = orders[says["order_id"]] if "order_id" in says else Order()
        moved = order.take(verb, says)
        for name, figure in moved.items():
            found[cell][name] += figure
        if verb == "refunded" and moved.get(("net",)):
            unknown.append((says.get("order_id"), cell, moved["net",]))
    for its, cell, amount in unknown:
        if its is None or not orders[its].rung_up:
            found[cell]["unknown_refunds",] += 1
            found[cell]["unknown_refunded",] += amount
    shown = {cell: {name: one for name, one in its.items() if one} for cell, its in found.items()}
    return {cell: its for cell, its in shown.items() if its}


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.too_slow])
@given(stories, st.sampled_from([None, None, *DAYS]), st.sampled_from([7, 50_000]))
def test_totals_are_what_a_slow_count_gives(story: Any, day: str | None, batch: int) -> None:
    sent = items(story)
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    for number, item in enumerate(sent):
        one = accepted(dict(item), NOW + timedelta(microseconds=number))
        log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value)])
    filters = [] if day is None else [Filter("day", "eq", day)]
    with folded(log, batch) as (store, _), store.read() as snapshot:
        found = totals.list_totals(
            snapshot, Workspace(time_zone="Asia/Tokyo", currency="JPY"), filters=filters, limit=200
        )
    figures = {}
    for line in found.items:
        its: Figures = {(name,): Decimal(str(line[name])) for name in (*totals.COUNTS, *totals.AMOUNTS)}
        paid: Any = line["tenders"]
        its |= {("tender", one["method"]): one["amount"] for one in paid}
        figures[str(line["day"]), line["register"]] = {name: one for name, one in its.items() if one}
    expected = {cell: its for cell, its in counted(sent).items() if day in (None, cell[0])}
    # A day on which all that moved is nought again has its line all the same.
    assert {cell: its for cell, its in figures.items() if its} == expected
