"""What is told of an event is where each record of its id stands: whether it counts, and since when not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import orjson
from hypothesis import HealthCheck, given, settings

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import NewRecord
from kizuna.projections.standing import read_event
from kizuna.schemas import times
from tests.examples import examples
from tests.folding import LOG, NOW, folded
from tests.properties.test_controls import Copy, acting, counting, records


def stands(one: Copy, copies: Sequence[Copy]) -> tuple[str, int | None, str | None]:
    """Standing, since (as a place in the log) and what took it out, by the rules in words."""
    counts = {found.id: found for found in counting(copies)}
    standing = acting(copies)
    held = counts.get(one.id)
    if held is one:
        return "counts", None, None
    takers = [control for control in standing.acting if control.takes(one, standing.roots)]
    if takers:
        cause = min(takers, key=lambda taker: taker.place)
        return "taken_out", max(one.place, cause.place), cause.id
    controlled = any(copy.control for copy in copies if copy.id == one.id)
    before = held or (standing.first[one.id] if controlled else one)
    same = before.envelope["body_hash"] == one.envelope["body_hash"]
    return "duplicate" if same else "conflict", max(one.place, before.place), None


def place(moment: datetime | None) -> int | None:
    """The log's clock counts records."""
    return None if moment is None else times.to_micros(moment.replace(tzinfo=UTC)) - times.to_micros(NOW)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records())
def test_an_event_tells_where_its_records_stand(envelopes: list[dict[str, Any]]) -> None:
    ticks = count(times.to_micros(NOW))
    log = MemoryLog({topics.TOUCHPOINTS: 1}, clock=lambda: next(ticks), identity=LOG)
    for one in envelopes:
        log.append(topics.TOUCHPOINTS, [NewRecord(b"", orjson.dumps(one))])
    copies = [Copy(number, one) for number, one in enumerate(envelopes)]
    with folded(log) as (store, _), store.read() as snapshot:
        assert read_event(snapshot, UUID(int=77)) is None
        for event_id in {one.id for one in copies}:
            told = read_event(snapshot, UUID(event_id))
            assert told is not None
            wanted = {one.place: stands(one, copies) for one in copies if one.id == event_id}
            others: Any = told["copies"]
            found = {
                place(one["recorded_at"]): (
                    one["standing"],
                    place(one["since"]),
                    one["taken_out_by"] and str(one["taken_out_by"]),
                )
                for one in (told, *others)
            }
            assert found == wanted
            standing = acting(copies)
            first = standing.first[event_id]
            acts = first in standing.acting if first.control else None
            assert told["effective"] is acts
