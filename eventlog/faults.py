"""What can go wrong with any log, in the same words whichever adapter it is."""

from __future__ import annotations

from kizuna.schemas.errors import CorruptRecord, LogGap, LogUnavailable

from .port import TopicPartition


def closed() -> LogUnavailable:
    return LogUnavailable("The log is closed.", hint="It was shut down: open it again.")


def overloaded() -> LogUnavailable:
    return LogUnavailable("The log takes records more slowly than they come.", hint="Send again in a while.")


def gap(lane: TopicPartition, start: int, first: int) -> LogGap:
    return LogGap(
        f"{lane.topic}/{lane.partition} begins at offset {first}: offset {start} is no longer kept.",
        hint="Restore the log, or rebuild the store from what is left.",
    )


def corrupt(lane: TopicPartition, offset: int) -> CorruptRecord:
    return CorruptRecord(
        f"{lane.topic}/{lane.partition}, offset {offset}: record missing, or not as its checksum says.",
        hint="Restore the log from a backup.",
    )


def archive_damaged(lane: TopicPartition, offset: int, file: str, what: str) -> CorruptRecord:
    """`file` is named as it lies beside the log."""
    return CorruptRecord(
        f"{lane.topic}/{lane.partition}, offset {offset}: {file} {what}.",
        hint=f"Put {file} back from a backup.",
    )
