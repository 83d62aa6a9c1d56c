"""Reading the log batch by batch: where each partition stands, and the T that a batch carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from kizuna.eventlog import topics
from kizuna.eventlog.port import Bounds, EventLog, Records, TopicPartition
from kizuna.projections.batch import Batch, Rows
from kizuna.projections.store import BEGINNING
from kizuna.schemas.errors import CorruptRecord, ForeignLog, LogGap
from kizuna.schemas.position import Position
from kizuna.schemas.times import from_micros

MAX_BATCH_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stand:
    """How far one partition has been read: the next offset, and the `recorded_at` of the last record, where
    that is known."""

    offset: int
    recorded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A batch, and the stands after it. `caught_up`: every partition was read to the bounds given."""

    batch: Batch
    stands: Mapping[TopicPartition, Stand]
    caught_up: bool


def start(
    log: EventLog, positions: Sequence[Position], bounds: Mapping[TopicPartition, Bounds]
) -> dict[TopicPartition, Stand]:
    """Where to go on reading, as if it had never stopped. Raises ForeignLog when the log ends below a stored
    position."""
    generation = log.identity.generation
    stored = {TopicPartition(at.topic, at.partition): at for at in positions if at.generation == generation}
    check({partition: Stand(at.offset) for partition, at in stored.items()}, bounds)
    return {
        partition: _stand(log, partition, stored[partition].offset) if partition in stored else Stand(0)
        for partition in bounds
    }


def check(stands: Mapping[TopicPartition, Stand], bounds: Mapping[TopicPartition, Bounds]) -> None:
    """Raises ForeignLog when a partition ends below where it stands: what was read is not in it any more."""
    for partition, stand in stands.items():
        end = bounds[partition].end if partition in bounds else 0
        if end < stand.offset:
            raise ForeignLog(
                f"The log of {partition.topic}/{partition.partition} ends at {end}, below the position "
                f"{stand.offset}.",
                hint="Restore the log that this store was folded from, or run `kizuna rebuild`.",
            )


def _stand(log: EventLog, partition: TopicPartition, offset: int) -> Stand:
    """Behind the record before `offset`. Where that one cannot be read any more, nothing says what time was
    reached: T waits until the partition is read from again."""
    try:
        last = log.read(partition.topic, partition.partition, max(offset - 1, 0), 1)
    except (CorruptRecord, LogGap):
        return Stand(offset)
    return Stand(offset, from_micros(last[0].recorded_at) if last and last[0].offset < offset else None)


def read(
    log: EventLog,
    stands: Mapping[TopicPartition, Stand],
    bounds: Mapping[TopicPartition, Bounds],
    now: datetime,
    limit: int,
) -> Reading:
    """Read at most `limit` records up to `bounds`, definitions first. `now` was read before the bounds."""
    after = dict(stands)
    rows = {topic: Rows() for topic in topics.ALL}
    left, room = limit, MAX_BATCH_BYTES
    for partition in sorted(bounds, key=lambda one: (topics.ALL.index(one.topic), one.partition)):
        stand = after.setdefault(partition, Stand(0))
        wanted = min(left, bounds[partition].end - stand.offset)
        if wanted <= 0 or room <= 0:
            continue
        records = log.read(partition.topic, partition.partition, stand.offset, wanted)
        records, used = _within(records, room)
        if not records:
            # Offsets that hold none: transactions of others ended there, or were given up.
            after[partition] = Stand(max(stand.offset, records.reached), stand.recorded_at)
        else:
            into = rows[partition.topic]
            into.partitions += [partition.partition] * len(records)
            into.offsets += records.offsets
            into.recorded_at += records.recorded_at
            into.values += records.values
            last = records[-1]
            after[partition] = Stand(last.offset + 1, from_micros(last.recorded_at))
            left -= len(records)
            room -= used
    behind = [partition for partition, its in bounds.items() if after[partition].offset < its.end]
    moved = [
        partition for partition in after if after[partition].offset != stands.get(partition, Stand(0)).offset
    ]
    batch = Batch(
        definitions=rows[topics.DEFINITIONS],
        touchpoints=rows[topics.TOUCHPOINTS],
        failed=rows[topics.FAILED_EVENTS],
        starts=tuple(
            Position(one.topic, log.identity.generation, one.partition, stands.get(one, Stand(0)).offset)
            for one in moved
        ),
        positions=tuple(
            Position(one.topic, log.identity.generation, one.partition, after[one].offset) for one in moved
        ),
        t=BEGINNING,
        recorded_high=max(
            (stand.recorded_at for stand in after.values() if stand.recorded_at), default=BEGINNING
        ),
    )
    return Reading(replace(batch, t=moment(batch.recorded_high, behind, after, now)), after, not behind)


def moment(
    recorded_high: datetime,
    behind: Sequence[TopicPartition],
    stands: Mapping[TopicPartition, Stand],
    now: datetime,
) -> datetime:
    """T: the larger of now and the highest `recorded_at`, once everything is read; while behind, the
    smallest `recorded_at` reached over the partitions that are behind."""
    judged = [one for one in behind if one.topic != topics.FAILED_EVENTS]
    if not judged:
        return max(now, recorded_high)
    return min((stands[one].recorded_at or BEGINNING for one in judged), default=BEGINNING)


def _within(records: Records, room: int) -> tuple[Records, int]:
    used = sum(map(len, records.values))
    if used <= room:
        return records, used
    used = 0
    for number, value in enumerate(records.values):
        used += len(value)
        if used > room and number:
            return records[:number], used
    return records, used
