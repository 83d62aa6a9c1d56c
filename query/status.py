"""The status of a node: one object for the API, the command line and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kizuna.eventlog.port import Bounds, TopicPartition
from kizuna.eventlog.topics import ALL, DEFINITIONS
from kizuna.processors.ownership import Ownership
from kizuna.projections import statistics
from kizuna.projections.store import Cut

from .snapshots import Snapshot


def lag(cut: Cut, bounds: Mapping[TopicPartition, Bounds]) -> int:
    """Records in the log that the cut has not folded."""
    return sum(bounds[at].end - offset for at, offset in behind(cut, bounds).items())


def behind(cut: Cut, bounds: Mapping[TopicPartition, Bounds]) -> dict[TopicPartition, int]:
    """The partitions of which the log has more than the cut has folded, with the offset to go on from."""
    folded = {TopicPartition(at.topic, at.partition): at.offset for at in cut.positions}
    starts = {at: max(folded.get(at, 0), its.first) for at, its in bounds.items()}
    return {at: offset for at, offset in starts.items() if offset < bounds[at].end}


def status(
    snapshot: Snapshot, bounds: Mapping[TopicPartition, Bounds], ownership: Ownership
) -> dict[str, object]:
    """What there is, how far the fold is, and that the records of the log add up: once `lag` is 0, those of
    each topic are what was folded of it, and those of each source what became of them."""
    behind = lag(snapshot.cut, bounds)
    records = _records(snapshot.cut, bounds)
    accounts = {str(one["topic"]): one for one in statistics.by_topic(snapshot.cursor)}
    none = {"events": 0, "duplicates": 0, "failed_events": 0, "repaired": 0}
    topics = []
    for topic in ALL:
        fates = {name: accounts.get(topic, none)[name] for name in none}
        folded = sum(int(str(n)) for n in fates.values())
        topics.append({"topic": topic, "records": records[topic], "folded": folded, **fates})
    sources = statistics.by_source(snapshot.cursor)
    touchpoints_and_failed = sum(n for topic, n in records.items() if topic != DEFINITIONS)
    return {
        **statistics.counts(snapshot.cursor),
        "role": "owner" if ownership.mine else "replica",
        "store_id": ownership.store_id,
        "t": snapshot.cut.t,
        "lag": behind,
        "account": account(sources, touchpoints_and_failed, caught_up=behind == 0),
        "topics": topics,
        "sources": sources,
    }


def account(
    sources: Sequence[Mapping[str, object]], in_log: int, *, caught_up: bool
) -> dict[str, int | bool | None]:
    """The terms of all sources together, but for `records`: of those there are `in_log`, as the ends of its
    partitions say, without the re-admissions."""
    total = {name: sum(int(str(one[name])) for one in sources) for name in (*statistics.TERMS, "retracted")}
    placed = total["records"]
    total["records"] = in_log - total["readmitted"]
    holds = placed == total["records"] and all(_holds(one) for one in (total, *sources))
    return {**total, "adds_up": holds if caught_up else None}


def _holds(one: Mapping[str, object]) -> bool:
    records, events, duplicates, failed = (
        int(str(one[name])) for name in ("records", "events", "duplicates", "failed_events")
    )
    return records == events + duplicates + failed


def _records(cut: Cut, bounds: Mapping[TopicPartition, Bounds]) -> dict[str, int]:
    """By topic, how many the log took. The store may have read on since `bounds` were looked up."""
    stands = {(at.topic, at.partition): at.offset for at in cut.positions}
    return {
        topic: sum(max(its.end, stands.get(at, 0)) for at, its in bounds.items() if at.topic == topic)
        for topic in ALL
    }
