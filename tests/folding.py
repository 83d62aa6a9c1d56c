"""A small world to fold in tests: items go through the door into a log in memory, then into a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID, uuid5

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import LogIdentity, NewRecord
from kizuna.processors.projector import Projector
from kizuna.projections import canon
from kizuna.projections.definitions import shipped
from kizuna.projections.store import Store
from kizuna.schemas import times
from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.definitions import Definition, Trait, Workspace, activation
from kizuna.schemas.refusal import Refusal

KEY = "5b" * 32
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOG = LogIdentity(UUID(int=7), 0)
NAMES = UUID(int=9)


def definition(kind: str, name: str, body: dict[str, object] | None, minute: int = 0) -> NewRecord:
    one = Definition.model_validate(
        {
            "definition_id": uuid5(NAMES, f"{kind}/{name}/{minute}"),
            "kind": kind,
            "name": name,
            "layer": "shipped",
            "received_at": NOW - timedelta(days=1000) + timedelta(minutes=minute),
            "body": body,
        }
    )
    return NewRecord(b"", one.model_dump_json().encode())


def activated(*definitions: NewRecord) -> list[NewRecord]:
    """The definitions, and their activations after them."""
    ids = [Definition.model_validate_json(one.value).definition_id for one in definitions]
    return [*definitions, *(NewRecord(b"", activation(one, NOW).model_dump_json().encode()) for one in ids)]


def trait_body(trait: Trait) -> dict[str, object]:
    return trait.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)


def shipped_definitions(currency: str = "JPY") -> list[NewRecord]:
    workspace = Workspace(time_zone="Asia/Tokyo", currency=currency).model_dump()
    return activated(
        definition("workspace", "workspace", workspace),
        *(definition("trait", trait.name, trait_body(trait)) for trait in shipped()),
    )


def sent(
    item: dict[str, Any], received_at: datetime = NOW, *, public: bool = False, import_id: str | None = None
) -> Accepted | Refusal:
    """What the door makes of an item; its `source`, if it has one, is the key's."""
    source = item.pop("source", "shop")
    origin = Origin(source, "public" if public else "secret", received_at, import_id)
    return admit(item, origin, KEY, lambda: UUID(int=1))


def accepted(item: dict[str, Any], received_at: datetime = NOW, *, public: bool = False) -> Accepted:
    """The item as an envelope; the test fails if the door refuses it."""
    sealed = sent(item, received_at, public=public)
    assert isinstance(sealed, Accepted), (item, sealed)
    return sealed


def memory_log(partitions: int = 1) -> MemoryLog:
    return MemoryLog({topics.TOUCHPOINTS: partitions}, clock=lambda: times.to_micros(NOW), identity=LOG)


@contextmanager
def folded(log: MemoryLog, batch: int = 50_000) -> Iterator[tuple[Store, Projector]]:
    """A store folded from the log, in batches of at most `batch` records."""
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.duckdb", log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
        try:
            projector = Projector(log, store, KEY, lambda: NOW, batch)
            projector.fold_all()
            assert canon.twice(store.writer) == {}
            yield store, projector
        finally:
            store.close()


def fold_of(values: Sequence[Accepted], batch: int = 50_000) -> dict[str, str]:
    """The canonical hash after folding these envelopes in this order."""
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value) for one in values])
    with folded(log, batch) as (store, _):
        return canon.digest(store.writer)
