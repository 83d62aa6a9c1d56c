"""The definitions topic, read from where it stood to its end."""

from __future__ import annotations

from pydantic import ValidationError

from kizuna.eventlog.port import EventLog
from kizuna.eventlog.topics import DEFINITIONS
from kizuna.schemas.definitions import Definition

_READ_LIMIT = 1_000


class DefinitionsTail:
    """For one thread at a time."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._read_to: dict[int, int] = {}

    def new(self) -> list[Definition]:
        """What was appended since the last call, without what is no definition. Raises LogUnavailable."""
        found: list[Definition] = []
        for lane, bounds in self._log.bounds().items():
            if lane.topic != DEFINITIONS:
                continue
            offset = max(self._read_to.get(lane.partition, 0), bounds.first)
            while offset < bounds.end:
                records = self._log.read(DEFINITIONS, lane.partition, offset, _READ_LIMIT)
                if not records:
                    break
                for record in records:
                    try:
                        found.append(Definition.model_validate_json(record.value))
                    except ValidationError:
                        continue  # an activation, or what the fold keeps as a failed event
                offset = records[-1].offset + 1
            self._read_to[lane.partition] = offset
        return found
