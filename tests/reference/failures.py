"""Failed items: what was refused at the door, and records that can be no event or definition."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.reference.events import Record


@dataclass(frozen=True)
class Failed:
    """`failed_id` is None of what the fold itself refused; `repeats` counts the same item sent again."""

    failed_id: str | None
    code: str
    via: str
    source: str
    place: tuple[str, int, int]
    repeats: int


def refused(records: Iterable[Record]) -> tuple[list[Failed], list[Record]]:
    """Records of the topic `failed-events`: of one id the earliest counts, by the time received and by
    position. Second, the records that are none."""
    found: dict[str, list[tuple[datetime, tuple[str, int, int], dict[str, Any]]]] = {}
    bad = []
    for record in records:
        try:
            body = json.loads(record.value)
            received = datetime.fromisoformat(body["received_at"])
            found.setdefault(body["failed_id"], []).append((received, _place(record), body))
        except (ValueError, TypeError, KeyError):
            bad.append(record)
    kept = []
    for id_, copies in found.items():
        _, place, body = min(copies, key=lambda one: one[:2])
        kept.append(Failed(id_, body["code"], body["via"], body["source"], place, len(copies) - 1))
    return kept, bad


def unreadable(records: Iterable[Record]) -> list[Failed]:
    return [Failed(None, "invalid", "fold", "log", _place(one), 0) for one in records]


def _place(record: Record) -> tuple[str, int, int]:
    return record.topic, record.partition, record.offset
