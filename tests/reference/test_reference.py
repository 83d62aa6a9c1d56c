"""The product against the reference: the same state, whatever came, in whatever batches and interleaving."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kizuna.eventlog.port import Bounds, TopicPartition
from kizuna.processors import reader
from kizuna.processors.reader import Stand
from kizuna.projections import canon, profiles, revenue, statistics, trait_states
from kizuna.projections.definitions import load_plan, read
from kizuna.projections.entities import MODELS
from kizuna.projections.failed_events import CONFLICTS
from kizuna.projections.fold import Fold
from kizuna.projections.store import Store
from kizuna.projections.traits import OFS
from tests.examples import examples
from tests.folding import KEY, LOG, NOW
from tests.reference.fold import State, fold
from tests.reference.identity import subject_id
from tests.reference.tally import tally
from tests.reference.worlds import World, worlds

CONTROLS = True
"""Whether corrections and retractions are among what is sent."""

Shown = dict[str, Any]


@contextmanager
def folded(world: World, cuts: Sequence[Sequence[int]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A store folded from the log, batch by batch: a cut says how many records of each partition are next,
    and the last batch has the rest."""
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.duckdb", log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
        try:
            one = Fold(store, KEY)
            ends = world.log.bounds()
            stands: Mapping[TopicPartition, Stand] = reader.start(world.log, (), ends)
            for cut in cuts:
                upto = {
                    lane: Bounds(its.first, min(its.end, stands[lane].offset + further))
                    for (lane, its), further in zip(ends.items(), cut, strict=False)
                }
                stands = _apply(one, world, stands, upto)
            _apply(one, world, stands, ends)
            assert canon.twice(store.writer) == {}
            yield store.writer
        finally:
            store.close()


def _apply(
    one: Fold,
    world: World,
    stands: Mapping[TopicPartition, Stand],
    upto: Mapping[TopicPartition, Bounds],
) -> Mapping[TopicPartition, Stand]:
    reading = reader.read(world.log, stands, upto, NOW, 10_000)
    if len(reading.batch):
        one.apply(reading.batch)
    return reading.stands


def aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def shown_by_the_product(store: duckdb.DuckDBPyConnection) -> Shown:
    def rows(sql: str) -> list[tuple[Any, ...]]:
        return [tuple(map(aware, row)) for row in store.execute(sql).fetchall()]

    names: dict[int | None, Any] = {
        subject: (kind, value)
        for subject, kind, value in rows("SELECT subject, kind, value FROM identifiers")
    }
    names[None] = None
    things: dict[int | None, Any] = {
        row[0]: row[1:] for row in rows("SELECT entity, kind, namespace, id FROM entities")
    }
    things[None] = None
    states: dict[Any, Shown] = {}
    for model in MODELS:
        fields = [field.name for field in model.fields] + ["source"]
        selected = ", ".join(f'"{field}"' for field in fields)
        for entity, owner, company, *values in rows(
            f"SELECT entity, owner, company, {selected} FROM {model.table}"
        ):
            state = {
                field: json.loads(value) if field in ("lines", "menu") and value else value
                for field, value in zip(fields, values, strict=True)
            }
            states[things[entity]] = state | {"owner": names[owner], "company": names[company]}
    plan = load_plan(store)
    subjects = [profiles.Subject(*row) for row in store.execute(profiles.SUBJECT).fetchall()]
    traits: dict[Any, dict[str, object]] = {}
    for of in OFS:
        theirs = [one.number for one in subjects if one.of == of]
        traits |= {names[one]: its for one, its in trait_states.of_many(store, plan, of, theirs).items()}
    return {
        "events": {
            (partition, offset): (event_id, names[person], names[company], things[entity])
            for partition, offset, event_id, person, company, entity in rows(
                'SELECT "partition", "offset", event_id, subject, company, entity FROM events'
            )
        },
        "copies": {
            row[:2]: row[2:] for row in rows('SELECT "partition", "offset", event_id, taken FROM copies')
        },
        "conflicts": set(rows(f'SELECT "partition", "offset" FROM ({CONFLICTS})')),
        "failed": sorted(
            (topic, partition, offset, code, via, source, repeats)
            for topic, partition, offset, code, via, source, repeats in rows(
                'SELECT topic, "partition", "offset", code, via, source, repeats FROM failed_items'
            )
        ),
        "profiles": {(one.kind, one.value): names[one.profile] for one in subjects},
        "profile ids": {one.subject_id: (one.kind, one.value) for one in subjects},
        "first seen": {
            names[subject]: (received_at, occurred_at, event_id)
            for subject, received_at, occurred_at, event_id in rows(
                "SELECT subject, first_seen.received_at, first_seen.occurred_at, first_seen.event_id "
                "FROM identifiers"
            )
        },
        "links": {
            ((names[a], names[b]), forced): (event_id, accepted)
            for a, b, forced, event_id, accepted in rows("SELECT a, b, forced, event_id, accepted FROM links")
        },
        "entities": {
            things[entity]: (names[owner], names[company])
            for entity, owner, company in rows("SELECT entity, owner, company FROM entities")
        },
        "states": states,
        "movements": {
            event_id: (things[entity], amount, currency, names[owner], names[company])
            for event_id, entity, amount, currency, owner, company in rows(
                "SELECT event_id, entity, amount, currency, owner, company FROM movements WHERE amount <> 0"
            )
        },
        "fields": {names[one]: its for one, its in profiles.fields_of(store, subjects).items() if its},
        "traits": {one: {name: aware(value) for name, value in its.items()} for one, its in traits.items()},
        "revenue": {
            (str(row["day"]), row["currency"]): row["net"]
            for row in revenue.by_day(store, plan.workspace)
            if row["net"]
        },
        "orders": {row["currency"]: row["orders"] for row in revenue.by_currency(store) if row["orders"]},
        "account": {
            str(row["source"]): {term: n for term, n in row.items() if term != "source" and n}
            for row in statistics.by_source(store)
        },
        "definitions": {slot: one.body for slot, one in read(store).current.items()},
    }


def shown_by_the_reference(state: State) -> Shown:
    judged, identity = state.judged, state.identity
    return {
        "events": {one.place: (one.event_id, one.person, one.company, one.entity) for one in judged.events},
        "copies": {one.copy.place: (one.copy.event_id, one.fate == "retracted") for one in judged.aside},
        "conflicts": {one.copy.place for one in judged.aside if one.fate == "conflict"},
        "failed": sorted((*one.place, one.code, one.via, one.source, one.repeats) for one in state.failed),
        "profiles": identity.profile,
        "profile ids": {subject_id(KEY, *one): one for one in identity.profile},
        "first seen": identity.first_seen,
        "links": {(one.pair, one.forced): (one.event_id, one.accepted) for one in identity.links},
        "entities": {entity: (held.owner, held.company) for entity, held in state.entities.items()},
        "states": {
            entity: {**held.state, "owner": held.owner, "company": held.company}
            for entity, held in state.entities.items()
            if held.state
        },
        "movements": {
            moved.movement.event.event_id: (
                moved.entity,
                moved.movement.amount,
                moved.movement.currency,
                moved.owner,
                moved.company,
            )
            for moved in state.movements
        },
        "fields": state.fields(),
        "traits": state.traits("person") | state.traits("company"),
        "revenue": state.revenue(),
        "orders": state.orders_completed(),
        "account": tally(judged, state.failed),
        "definitions": state.definitions,
    }


def differing(world: World, cuts: Sequence[Sequence[int]] = ()) -> dict[str, tuple[Any, Any]]:
    """Parts of the state in which the product and the reference differ: what each shows."""
    expected = shown_by_the_reference(fold(world.records(), KEY))
    with folded(world, cuts) as store:
        shown = shown_by_the_product(store)
    return {part: (shown[part], what) for part, what in expected.items() if shown[part] != what}


CUTS = st.lists(st.lists(st.integers(0, 12), min_size=9, max_size=9), max_size=3)
"""For up to three partitions of each topic, so that definitions come late now and then."""


@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(worlds(CONTROLS), CUTS)
def test_the_product_shows_what_the_reference_computes(world: World, cuts: list[list[int]]) -> None:
    for part, (shown, expected) in differing(world, cuts).items():
        assert shown == expected, part
