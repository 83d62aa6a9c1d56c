"""The status of a node: one object for the API, the command line and the page."""

from __future__ import annotations

from collections.abc import Mapping

from kizuna.eventlog.port import Bounds, TopicPartition
from kizuna.eventlog.topics import ALL
from kizuna.projections import statistics
from kizuna.projections.store import Cut

from .snapshots import Snapshot


def lag(cut: Cut, bounds: Mapping[TopicPartition, Bounds]) -> int:
    """Records in the log that the cut has not folded."""
    folded = {(at.topic, at.partition): at.offset for at in cut.positions}
    return sum(max(0, its.end - max(folded.get(at, 0), its.first)) for at, its in bounds.items())


def status(snapshot: Snapshot, bounds: Mapping[TopicPartition, Bounds]) -> dict[str, object]:
    """What there is and how far the fold is. Once `lag` is 0, the `records` of each topic are its `events`,
    `duplicates` and `failed_events`; so are those of each source."""
    accounts = {str(one["topic"]): one for one in statistics.by_topic(snapshot.cursor)}
    none = {"events": 0, "duplicates": 0, "failed_events": 0}
    topics = []
    for topic in ALL:
        fates = {name: accounts.get(topic, none)[name] for name in none}
        records = sum(its.end - its.first for at, its in bounds.items() if at.topic == topic)
        folded = sum(int(str(n)) for n in fates.values())
        topics.append({"topic": topic, "records": records, "folded": folded, **fates})
    return {
        **statistics.counts(snapshot.cursor),
        "t": snapshot.cut.t,
        "lag": lag(snapshot.cut, bounds),
        "topics": topics,
        "sources": statistics.by_source(snapshot.cursor),
    }
