"""Whose an event of nobody is: the person that its entity was last attributed to, else the first one named.

What is expected is written out by hand. Every story is told in one batch and event by event, in the order of
its lines and backwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections import profiles, revenue
from kizuna.projections.definitions import load_plan
from kizuna.projections.timeline import timeline
from kizuna.projections.traits import Of
from kizuna.schemas.admission import Accepted, event_id_for
from tests.folding import NOW, accepted, folded, memory_log, shipped_definitions

ORDER = {"kind": "order", "id": "o1"}


class Event(NamedTuple):
    type: str
    minute: int
    """It happened so long after the first one."""
    name: str
    given: dict[str, Any]
    received: int = 0
    """Seconds after the others."""

    @property
    def sealed(self) -> Accepted:
        happened = NOW - timedelta(days=1) + timedelta(minutes=self.minute)
        item = {"type": self.type, "message_id": self.name, "occurred_at": happened.isoformat(), **self.given}
        return accepted(item, NOW + timedelta(seconds=self.received))


def order(verb: str, minute: int, user: str = "", **properties: object) -> Event:
    ids = {"user_id": user} if user else {}
    properties = {"order_id": "o1", "currency": "JPY", **properties}
    return Event(f"order.{verb}", minute, f"{verb} {minute}", {"ids": ids, "properties": properties})


def attributed(minute: int, user: str, *others: dict[str, str], name: str = "", test: bool = False) -> Event:
    given = {"ids": {"user_id": user}, "entities": [ORDER, *others], "test": test}
    return Event("entity.attributed", minute, name or f"attributed {minute}", given)


def retracted(name: str, received: int, undone: str) -> Event:
    properties = {"event_id": str(event_id_for("shop", undone))}
    return Event("event.retracted", 0, name, {"properties": properties}, received)


BOUGHT = order("completed", 0, total="100")
REFUNDED = order("refunded", 1, amount="30")
SALE = [BOUGHT, REFUNDED]


class Has(NamedTuple):
    """What a person or a company has of the order."""

    orders: int = 0
    money: int = 0
    refunds: int = 0
    events: int = 0


class Told(NamedTuple):
    """Who has anything, by user id and by company, and the money of all."""

    people: dict[str, Has]
    companies: dict[str, Has]
    net: Decimal


ALL = Has(orders=1, money=70, refunds=1, events=2)
"""Of SALE: both events are in the timeline, beside the attributions that name the person."""


def told(events: Sequence[Event], batch: int) -> Told:
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    sealed = [one.sealed for one in events]
    log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value) for one in sealed])
    with folded(log, batch) as (store, _), store.read() as snapshot:
        plan = load_plan(snapshot)
        found: dict[str, dict[str, Has]] = {"person": {}, "company": {}}
        rows = snapshot.execute("SELECT subject, subject_id, kind, value FROM identifiers").fetchall()
        for subject, subject_id, kind, value in rows:
            of: Of = "company" if kind == "company" else "person"
            profile = profiles.read_profile(snapshot, plan, UUID(str(subject_id)))
            assert profile is not None
            traits: dict[str, Any] = profile["traits"]
            prefix = "company_" if of == "company" else ""
            sales = timeline(snapshot, of, [subject], types=(BOUGHT.type, REFUNDED.type), limit=9)
            has = Has(
                traits[f"{prefix}orders_count"],
                int(traits[f"{prefix}lifetime_value"]),
                traits.get("refunds_count", 0),
                len(sales.items),
            )
            if any(has):
                found[of][value] = has
        ((net),) = [row["net"] for row in revenue.by_currency(snapshot)]
    return Told(found["person"], found["company"], Decimal(str(net)))


def tellings(events: Sequence[Event]) -> Iterator[Told]:
    yield told(events, 100)
    yield told(events, 1)
    yield told(events[::-1], 1)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(SALE, {}, id="nobody's"),
        pytest.param([*SALE, attributed(5, "u1")], {"u1": ALL}, id="attributed after"),
        pytest.param([attributed(-5, "u1"), *SALE], {"u1": ALL}, id="attributed before"),
        pytest.param([*SALE, attributed(5, "u1"), attributed(6, "u2")], {"u2": ALL}, id="to another"),
        pytest.param(
            [*SALE, attributed(5, "u1"), attributed(6, "u2"), attributed(7, "u1")],
            {"u1": ALL},
            id="to another and back",
        ),
        pytest.param(
            [*SALE, attributed(7, "u1"), attributed(2, "u2")],
            {"u1": ALL},
            id="a late one of earlier",
        ),
        pytest.param(
            [*SALE, attributed(5, "u1"), attributed(6, "u2", test=True)],
            {"u1": ALL},
            id="a test is none",
        ),
        pytest.param(
            [*SALE, order("updated", 3, "u3", total="90")],
            {"u3": Has(orders=1, money=60, refunds=1, events=2)},
            id="named by a later event of the order",
        ),
        pytest.param(
            [*SALE, order("updated", 4, "u3", total="90"), order("updated", 3, "u4", total="80")],
            {"u4": Has(orders=1, money=60, refunds=1, events=2)},
            id="the first that is named",
        ),
        pytest.param(
            [order("completed", 0, "u1", total="100"), REFUNDED, attributed(5, "u2")],
            {"u1": Has(events=1), "u2": Has(orders=1, money=70, refunds=1, events=1)},
            id="an event that names somebody stays theirs, the order goes",
        ),
        pytest.param(
            [*SALE, attributed(5, "u1"), retracted("r", 1, "attributed 5")],
            {},
            id="retracted: nobody's",
        ),
        pytest.param(
            [*SALE, attributed(5, "u1"), attributed(6, "u2"), retracted("r", 1, "attributed 6")],
            {"u1": ALL},
            id="retracted: the one before holds",
        ),
        pytest.param(
            [
                *SALE,
                attributed(5, "u1"),
                attributed(6, "u2"),
                retracted("r", 1, "attributed 6"),
                retracted("s", 2, "r"),
            ],
            {"u2": ALL},
            id="retracted, and that undone",
        ),
        pytest.param(
            [*SALE, attributed(5, "u1"), retracted("r", 1, "completed 0")],
            {"u1": Has(money=-30, refunds=1, events=1)},
            id="the sale is retracted, not the refund",
        ),
    ],
)
def test_whose_a_sale_to_nobody_is(events: list[Event], expected: dict[str, Has]) -> None:
    net = next(iter(expected.values())).money if expected else 70
    if "u1" in expected and "u2" in expected:
        net = 70
    for found in tellings(events):
        assert found == Told(expected, {}, Decimal(net))


def test_of_two_attributions_at_one_time_the_larger_event_id_holds() -> None:
    pair = [attributed(5, "u1", name="a"), attributed(5, "u2", name="b")]
    last = max(pair, key=lambda one: event_id_for("shop", one.name))
    for found in tellings([*SALE, *pair]):
        assert found.people == {last.given["ids"]["user_id"]: ALL}


def test_an_attribution_can_name_the_company_and_the_next_one_leaves_it() -> None:
    first = attributed(5, "u1", {"kind": "company", "id": "c1"})
    for found in tellings([*SALE, first]):
        assert (found.people, found.companies) == ({"u1": ALL}, {"c1": ALL._replace(refunds=0)})
    for found in tellings([*SALE, first, attributed(6, "u2")]):
        assert (found.people, found.companies) == ({"u2": ALL}, {"c1": ALL._replace(refunds=0)})
    moved = [*SALE, first, attributed(6, "u2", {"kind": "company", "id": "c2"})]
    for found in tellings(moved):
        assert (found.people, found.companies) == ({"u2": ALL}, {"c2": ALL._replace(refunds=0)})
    for found in tellings([*moved, retracted("r", 1, "attributed 6")]):
        assert (found.people, found.companies) == ({"u1": ALL}, {"c1": ALL._replace(refunds=0)})
