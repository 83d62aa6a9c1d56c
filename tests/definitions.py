"""A store that is driven record by record: definitions are prepared and activated when a test says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid5

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import NewRecord, TopicPartition
from kizuna.processors import reader
from kizuna.projections import canon, definitions
from kizuna.projections.fold import Fold
from kizuna.projections.store import Store
from kizuna.schemas.admission import Accepted
from kizuna.schemas.definitions import Definition, activation
from tests.folding import KEY, LOG, NAMES, NOW, accepted, memory_log

Body = dict[str, object] | None


class Hand:
    """`fold` reads no more than is told, and nothing is activated by itself."""

    def __init__(self, log: MemoryLog, store: Store) -> None:
        self.log = log
        self.store = store
        self.fold_anew()
        self._stands: dict[TopicPartition, reader.Stand] = {}

    def fold_anew(self) -> None:
        """As after a start: only what is committed is known."""
        self.fold = Fold(self.store, KEY)

    def read(self, most: int = 50_000) -> bool:
        """Fold one batch; whether there was one."""
        reading = reader.read(self.log, self._stands, self.log.bounds(), NOW, most)
        if len(reading.batch):
            self.fold.apply(reading.batch)
        self._stands = dict(reading.stands)
        return len(reading.batch) > 0

    def read_all(self) -> None:
        while self.read():
            pass

    def define(self, name: str, body: Body, minute: int, layer: str = "user", kind: str = "trait") -> UUID:
        """Append a definition, whose id is given back."""
        one = Definition.model_validate(
            {
                "definition_id": uuid5(NAMES, f"{layer}/{kind}/{name}/{minute}"),
                "kind": kind,
                "name": name,
                "layer": layer,
                "received_at": NOW + timedelta(minutes=minute),
                "body": body,
            }
        )
        self.log.append(topics.DEFINITIONS, [NewRecord(b"", one.model_dump_json().encode())])
        return one.definition_id

    def activate(self, *ids: UUID) -> None:
        records = [NewRecord(b"", activation(one, NOW).model_dump_json().encode()) for one in ids]
        self.log.append(topics.DEFINITIONS, records)

    def send(self, *envelopes: Accepted) -> None:
        self.log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value) for one in envelopes])

    def traits(self) -> list[dict[str, Any]]:
        """Those of every person, without the profile's number."""
        plan = definitions.load_plan(self.store.writer)
        sql = plan.profiles_sql("person")
        rows = self.store.writer.execute(sql, plan.used(sql))
        names = [column[0] for column in rows.description]
        return [dict(zip(names[1:], row[1:], strict=True)) for row in rows.fetchall()]

    def digest(self) -> dict[str, str]:
        return canon.digest(self.store.writer)


@contextmanager
def by_hand(log: MemoryLog | None = None) -> Iterator[Hand]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "store.duckdb"
        store = Store(path, log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
        try:
            yield Hand(log or memory_log(), store)
        finally:
            store.close()


def page(user: str, number: int, path: str = "/") -> Accepted:
    return accepted(
        {
            "type": "page.viewed",
            "message_id": f"p{number}",
            "ids": {"user_id": user},
            "properties": {"path": path},
            "occurred_at": (NOW - timedelta(minutes=number)).isoformat(),
        }
    )
