"""What a retraction or correction takes out is as if it had never come, until that is undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections import canon
from tests.examples import examples
from tests.folding import NAMES, NOW, accepted, folded, memory_log, shipped_definitions
from tests.properties.test_fold import ITEMS

IMPORTS = st.sampled_from([None, None, "i1", "i2"])
ORDERS = [{"kind": "order", "namespace": "shop", "id": one} for one in ("o1", "o2")]
ACTS = ("corrects", "correction", "replaces")
COMPANY = {"kind": "company", "namespace": "", "id": "c1"}


class Copy(NamedTuple):
    """A record, and its place among all."""

    place: int
    envelope: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.envelope["event_id"])

    @property
    def order(self) -> tuple[str, str, str]:
        return self.envelope["received_at"], self.envelope["occurred_at"], self.id

    @property
    def corrects(self) -> str | None:
        tried = self.envelope.get("correction", {}).get("test")
        found: str | None = None if tried else self.envelope.get("corrects")
        return found

    @property
    def control(self) -> bool:
        retracts = self.envelope["type"] == "event.retracted"
        return retracts or self.corrects is not None or "replaces" in self.envelope

    def takes(self, other: Copy, roots: dict[int, str]) -> bool:
        """Whether it takes the other one out, when it acts. `roots`: by place, what a chain of corrections
        began with."""
        said = self.envelope["properties"] if self.envelope["type"] == "event.retracted" else {}
        earlier = other.order < self.order
        if other.place == self.place:
            return False
        if (replaced := self.envelope.get("replaces")) is not None:
            same = replaced == {"event_id": other.id, "body_hash": other.envelope["body_hash"]}
            return same and self.id != other.id and (earlier or not other.control)
        if said.get("import_id"):
            return other.envelope.get("import_id") == said["import_id"] and (earlier or not other.control)
        if said.get("entity"):
            return earlier and said["entity"] in other.envelope["entities"]
        # Of several corrections of one event, and of its corrections, the last one stands.
        rivals = self.corrects == other.corrects or roots.get(self.place) == roots.get(other.place)
        if self.corrects and other.corrects and rivals:
            return earlier
        return earlier and other.id == (self.corrects or said.get("event_id"))


class Standing(NamedTuple):
    """Of each id the first of all copies; those of them that act; and the roots of corrections by place."""

    first: dict[str, Copy]
    acting: list[Copy]
    roots: dict[int, str]


def ranked(copies: Sequence[Copy]) -> list[Copy]:
    """In admission order."""
    return sorted(copies, key=lambda one: (one.order, one.envelope["body_hash"], one.place))


def acting(copies: Sequence[Copy]) -> Standing:
    """A control acts when it is the first of all copies of its id, and nothing overrules it. A correction
    that is corrected goes on acting."""
    first: dict[str, Copy] = {}
    for one in ranked(copies):
        first.setdefault(one.id, one)
    roots: dict[int, str] = {}
    for one in ranked(copies):  # the earlier ones first: each goes on from where its own target comes from
        if one.corrects:
            named = first.get(one.corrects)
            goes_on = named is not None and named.corrects and named.order < one.order
            roots[one.place] = roots[named.place] if named is not None and goes_on else one.corrects
    found: list[Copy] = []
    controls = [one for one in first.values() if one.control]
    for one in sorted(controls, key=lambda one: one.order, reverse=True):
        overruled = (later.takes(one, roots) and not (later.corrects and one.corrects) for later in found)
        if not any(overruled):
            found.append(one)
    return Standing(first, found, roots)


def counting(copies: Sequence[Copy]) -> list[Copy]:
    """The copies that count, by the rules in words: nothing of the product is used."""
    standing = acting(copies)
    found: dict[str, Copy] = {}
    for one in ranked(copies):
        taken = any(control.takes(one, standing.roots) for control in standing.acting)
        if not taken and (not one.control or standing.first[one.id] is one):
            found.setdefault(one.id, one)
    return list(found.values())


def event_id(number: int) -> str:
    return str(uuid5(NAMES, f"event {number}"))


@st.composite
def records(draw: st.DrawFn) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(1, 14))):
        envelope = orjson.loads(accepted(dict(draw(ITEMS)), NOW).value)
        envelope["event_id"] = event_id(draw(st.integers(0, 8)))
        at = NOW - timedelta(days=1, minutes=draw(st.integers(0, 2)))
        received = NOW + timedelta(seconds=draw(st.integers(0, 6)))
        envelope["occurred_at"] = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        envelope["received_at"] = received.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if (import_id := draw(IMPORTS)) is not None:
            envelope["import_id"] = import_id
        match draw(st.integers(0, 9)):
            case 0 | 1 | 2:
                targets: list[dict[str, Any]] = [
                    *({"event_id": event_id(n)} for n in range(9)),
                    *({"entity": one} for one in (*ORDERS, COMPANY)),
                    {"import_id": "i1"},
                    {"import_id": "i2"},
                ]
                envelope |= {
                    "type": "event.retracted",
                    "ids": [],
                    "entities": [],
                    "properties": draw(st.sampled_from(targets)),
                }
            case 3:
                envelope["corrects"] = event_id(draw(st.integers(0, 8)))
                if draw(st.integers(0, 3)) == 3:
                    envelope["correction"] = {"test": True}
            case 4 if found:
                copy = draw(st.sampled_from(found))
                envelope["replaces"] = {"event_id": copy["event_id"], "body_hash": copy["body_hash"]}
            case _:
                pass
        # The place in the log decides between equal bodies at equal times, and the places are shuffled.
        envelope["body_hash"] = uuid5(NAMES, orjson.dumps(envelope).decode()).hex * 2
        found.append(envelope)
    return found


def tables(envelopes: Sequence[dict[str, Any]], batch: int) -> tuple[dict[str, str], set[str]]:
    """The canonical hash of what follows from the events that count, and their ids."""
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    log.append(topics.TOUCHPOINTS, [NewRecord(b"", orjson.dumps(one)) for one in envelopes])
    with folded(log, batch) as (store, _):
        ids = {
            f"{event_id} {body_hash}"
            for event_id, body_hash in store.writer.execute(
                "SELECT event_id, body_hash FROM events"
            ).fetchall()
        }
        rows = store.writer.execute(
            "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM copies)"
        ).fetchone()
        assert rows == (len(envelopes),)
        digest = canon.digest(store.writer)
        return {
            name: its for name, its in digest.items() if name not in ("events", "copies", "controls")
        }, ids


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])
@given(records(), st.data())
def test_what_is_taken_out_is_as_if_it_had_never_come(
    envelopes: list[dict[str, Any]], data: st.DataObject
) -> None:
    left = counting([Copy(place, one) for place, one in enumerate(envelopes)])
    shuffled = data.draw(st.permutations(envelopes))
    state, ids = tables(shuffled, data.draw(st.integers(1, len(envelopes))))
    assert ids == {f"{one.id} {UUID(one.envelope['body_hash'][:32])}" for one in left}
    plain = [
        {name: value for name, value in one.envelope.items() if name not in ACTS}
        for one in left
        if one.envelope["type"] != "event.retracted"
    ]
    assert state == tables(plain, 100)[0]


@st.composite
def corrections(draw: st.DrawFn) -> list[dict[str, Any]]:
    """An event and corrections, each of the event or of a correction before it."""
    found: list[dict[str, Any]] = []
    for number in range(draw(st.integers(3, 7))):
        envelope = orjson.loads(accepted(dict(draw(ITEMS)), NOW).value)
        envelope["event_id"] = event_id(number)
        envelope["received_at"] = (NOW + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if number:
            envelope["corrects"] = event_id(draw(st.integers(0, number - 1)))
        found.append(envelope)
    return found


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(corrections(), st.data())
def test_of_an_event_and_all_that_goes_back_to_it_the_last_correction_stands(
    envelopes: list[dict[str, Any]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(envelopes))
    last = envelopes[-1]
    _, ids = tables(shuffled, data.draw(st.integers(1, len(envelopes))))
    assert ids == {f"{last['event_id']} {UUID(last['body_hash'][:32])}"}


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(records(), st.data())
def test_controls_themselves_do_not_depend_on_the_order(
    envelopes: list[dict[str, Any]], data: st.DataObject
) -> None:
    def controls(values: Sequence[dict[str, Any]], batch: int) -> list[Any]:
        log = memory_log()
        log.append(topics.TOUCHPOINTS, [NewRecord(b"", orjson.dumps(one)) for one in values])
        with folded(log, batch) as (store, _):
            held = 'SELECT * EXCLUDE ("partition", "offset") FROM controls ORDER BY ALL'
            aside = "SELECT event_id, body_hash, taken FROM copies ORDER BY ALL"
            return [store.writer.execute(sql).fetchall() for sql in (held, aside)]

    shuffled = data.draw(st.permutations(envelopes))
    assert controls(envelopes, len(envelopes)) == controls(
        shuffled, data.draw(st.integers(1, len(envelopes)))
    )
