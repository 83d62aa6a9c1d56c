"""Traits against a plain fold in Python, written from the rules and not from the code."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from hypothesis import HealthCheck, given, settings

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections.definitions import load_plan
from kizuna.schemas.admission import Accepted
from tests.examples import examples
from tests.folding import folded, memory_log, shipped_definitions
from tests.properties.test_fold import touchpoints

Event = dict[str, Any]


def counted(values: list[Accepted]) -> list[Event]:
    """The copy of each id that counts, in history order."""
    events = [orjson.loads(one.value) for one in values]
    first: dict[str, Event] = {}
    for event in sorted(events, key=lambda one: (one["received_at"], one["occurred_at"], one["body_hash"])):
        first.setdefault(event["event_id"], event)
    return sorted(first.values(), key=lambda one: (one["occurred_at"], one["received_at"], one["event_id"]))


def entity(event: Event) -> tuple[str, str] | None:
    return next(((ref["kind"], ref["id"]) for ref in event["entities"] if ref["kind"] != "company"), None)


def person(event: Event) -> tuple[str, str] | None:
    return (event["ids"][0]["kind"], event["ids"][0]["value"]) if event["ids"] else None


def owners(events: list[Event]) -> dict[tuple[str, str], tuple[str, str] | None]:
    """The last attribution, else the first event that names a person."""
    found: dict[tuple[str, str], tuple[str, str] | None] = {}
    for of_type in ("named", "entity.attributed"):
        for event in events if of_type == "named" else reversed(events):
            its, who = entity(event), person(event)
            if its is None or who is None:
                continue
            if of_type == "named":
                found.setdefault(its, who)
        for event in events:
            its, who = entity(event), person(event)
            if of_type == event["type"] and its is not None and who is not None:
                found[its] = who
    return found


def spent(events: list[Event], currency: str) -> Counter[tuple[str, str] | None]:
    """Net order money by person: completions and updates in, refunds out, nothing after a cancellation."""
    its = owners(events)
    total: Counter[tuple[str, str] | None] = Counter()
    orders: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        about = entity(event)
        if event["type"] == "order.refunded" and about is None:
            if event["properties"]["currency"] == currency:
                total[person(event)] -= Decimal(event["properties"]["amount"])  # type: ignore[assignment]
        elif about is not None and about[0] == "order":
            orders.setdefault(about, []).append(event)
    for about, story in orders.items():
        started, gross, refunds, told = False, Decimal(0), Decimal(0), None
        for event in story:
            properties = event["properties"]
            told = properties.get("currency", told)
            before = gross - refunds if started else -refunds
            match event["type"]:
                case "order.completed":
                    started, gross = True, Decimal(properties["total"])
                case "order.updated" if started and "total" in properties:
                    gross = Decimal(properties["total"])
                case "order.refunded":
                    refunds += Decimal(properties["amount"])
            after = gross - refunds if started else -refunds
            cancelled = event["type"] == "order.cancelled" and started
            if told == currency:
                total[its.get(about)] += -before if cancelled else after - before  # type: ignore[assignment]
            if cancelled:
                break
    return Counter({who: money for who, money in total.items() if money})


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(touchpoints())
def test_traits_are_what_a_plain_fold_gives(values: list[Accepted]) -> None:
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value) for one in values])
    events = counted(values)
    with folded(log, 4) as (store, _):
        names = {
            subject: (kind, value)
            for subject, kind, value in store.writer.execute(
                "SELECT subject, kind, value FROM identifiers"
            ).fetchall()
        }
        kept = {row[0] for row in store.writer.execute("SELECT event_id FROM events").fetchall()}
        money = {
            names.get(subject): amount
            for subject, amount in store.writer.execute(
                "SELECT owner, sum(amount) FROM movements WHERE currency = 'JPY' "
                "GROUP BY owner HAVING sum(amount) <> 0"
            ).fetchall()
        }
        plan = load_plan(store.writer)
        sql = plan.profiles_sql("person")
        rows = store.writer.execute(sql, plan.used(sql))
        columns = [column[0] for column in rows.description]
        profiles = [dict(zip(columns, row, strict=True)) for row in rows.fetchall()]
    assert kept == {UUID(event["event_id"]) for event in events}
    expected = spent(events, "JPY")
    assert money == expected
    assert sum(one["lifetime_value"] for one in profiles) == sum(
        amount for who, amount in expected.items() if who is not None
    )
    its = owners(events)
    pages = [event for event in events if event["type"] == "page.viewed" and person(event)]
    assert sum(one["page_views"] for one in profiles) == len(pages)
    refunds = [
        event
        for event in events
        if event["type"] == "order.refunded" and (person(event) or its.get(entity(event) or ("", "")))
    ]
    assert sum(one["refunds_count"] for one in profiles) == len(refunds)
