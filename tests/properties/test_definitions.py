"""Definitions that come, change and go at any moment of the stream: a rebuild gives the same, and so does a
store that had them from the start."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections import canon, definitions, preparation
from kizuna.schemas.admission import Accepted
from tests.definitions import Body, Hand, by_hand
from tests.examples import examples
from tests.properties.test_controls import records
from tests.properties.test_fold import touchpoints

BODIES: list[Body] = [
    {"count": "event"},
    {"sum": "order.net_total"},
    {"max": "order.completed.total", "of": "person"},
    {"first": "page.viewed.path"},
    {"last": "order.status"},
    {"list": "product.viewed.category"},
    {"top": "page.viewed.path"},
    {"avg": "order.refunded.amount"},
    {"min": "deal.amount", "of": "company"},
    {"distinct": "event.source", "of": "company"},
    {"label": "Pages", "first": "page.viewed.path"},
    None,
]
NAMES = ["one", "two"]
STEPS = st.one_of(
    st.tuples(st.just("define"), st.sampled_from(NAMES), st.sampled_from(BODIES)),
    st.tuples(st.just("ship"), st.sampled_from(NAMES), st.sampled_from(BODIES)),
    st.tuples(st.sampled_from(["currency", "read", "read", "prepare", "prepare", "start", "activate"])),
)


def take(hand: Hand, step: tuple[object, ...], minute: int) -> None:
    match step:
        case ["define" | "ship" as how, str(name), body]:
            named: Body = {**body, "name": name} if isinstance(body, dict) else None
            hand.define(name, named, minute, "user" if how == "define" else "shipped")
        case ["currency"]:
            workspace: Body = {"time_zone": "UTC", "currency": "JPY" if minute % 2 else "USD"}
            hand.define("workspace", workspace, minute, kind="workspace")
        case ["read"]:
            hand.read(2)
        case ["prepare"]:
            hand.activate(*hand.fold.prepare())
        case ["start"]:
            hand.fold_anew()
        case ["activate"]:
            hand.activate(*(one.definition_id for one in definitions.read(hand.store.writer).pending))


@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.too_slow])
@given(records(), st.data())
def test_batches_are_merged_into_what_is_being_prepared(
    envelopes: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Every trait at once, a subject at a time, while events come, are displaced and are taken out."""
    values = [NewRecord(b"", orjson.dumps(one)) for one in envelopes]
    first = data.draw(st.integers(0, len(values)))
    with patch.object(preparation, "PIECE", 1), by_hand() as hand:
        hand.log.append(topics.TOUCHPOINTS, values[:first])
        hand.read_all()
        ids = [
            hand.define(f"t{number}", {**body, "name": f"t{number}"}, number)
            for number, body in enumerate(BODIES)
            if body is not None
        ]
        hand.read_all()
        for value in values[first:]:
            hand.fold.prepare()
            hand.log.append(topics.TOUCHPOINTS, [value])
            hand.read_all()
        while not hand.fold.prepare():
            pass
        hand.activate(*ids)
        hand.read_all()
        with by_hand(hand.log) as rebuilt:
            rebuilt.read_all()
            assert rebuilt.digest() == hand.digest()


@settings(max_examples=examples(8), suppress_health_check=[HealthCheck.too_slow])
@given(touchpoints(), st.data())
def test_a_rebuild_equals_what_was_prepared_beside_the_stream(
    values: list[Accepted], data: st.DataObject
) -> None:
    steps = data.draw(st.lists(STEPS, min_size=4, max_size=24))
    sent = sorted(data.draw(st.integers(0, len(steps))) for _ in values)
    with patch.object(preparation, "PIECE", 1), by_hand() as hand:
        for minute, step in enumerate(steps):
            hand.send(*(one for one, at in zip(values, sent, strict=True) if at == minute))
            take(hand, step, minute)
        hand.send(*(one for one, at in zip(values, sent, strict=True) if at == len(steps)))
        while hand.read(2):
            hand.fold.prepare()
        live = hand.digest()
        assert canon.twice(hand.store.writer) == {}
        with by_hand(hand.log) as rebuilt:
            rebuilt.read_all()
            assert rebuilt.digest() == live
        # The state itself, with no trace of how it came about: only what is in force, defined first.
        held = definitions.read(hand.store.writer).current
        with by_hand() as fresh:
            for (kind, name), one in held.items():
                fresh.activate(fresh.define(name, one.body, 0, kind=kind))
            for value in hand.log.read(topics.TOUCHPOINTS, 0, 0, 1_000):
                fresh.log.append(topics.TOUCHPOINTS, [NewRecord(value.key, value.value)])
            fresh.read_all()
            assert {
                name: told
                for name, told in fresh.digest().items()
                if name not in ("definitions", "activations")
            } == {name: told for name, told in live.items() if name not in ("definitions", "activations")}
