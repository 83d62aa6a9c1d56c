"""A node to ask in tests: items go through the door into a log in memory and from there into a store, and
questions to the API. Nothing in it depends on the machine: time stands still, ids count up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import NewRecord
from kizuna.processors.access import Access
from kizuna.processors.ownership import Ownership
from kizuna.processors.projector import Projector
from kizuna.processors.services import Services
from kizuna.projections import canon
from kizuna.projections.store import Store
from kizuna.query.api import create_app
from kizuna.schemas import codec
from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.envelope import Rights
from kizuna.schemas.failed_event import FailedEvent
from kizuna.schemas.refusal import Refusal
from tests.folding import KEY, LOG, NOW, memory_log, shipped_definitions

ADMIN = "kzt_admin"
FAILED = UUID(int=11)


class QueryNode:
    """`ask` is the API; `submit` and `fold` are what happens behind it."""

    def __init__(self, log: MemoryLog, store: Store) -> None:
        ids = count(1)
        self.log = log
        self.store = store
        self.access = Access(log, lambda: NOW, ADMIN)
        self.projector = Projector(log, store, KEY, lambda: NOW)
        self.services = Services(
            log,
            store,
            self.access,
            Ownership(log, store.store_id, lambda: NOW),
            self.projector,
            KEY,
            clock=lambda: NOW,
            new_id=lambda: UUID(int=next(ids)),
            new_secret=lambda: f"{next(ids):043}",
        )
        self.app = create_app(self.services)

    def define(self, *records: NewRecord) -> None:
        self.log.append(topics.DEFINITIONS, records)

    def submit(
        self,
        *items: object,
        source: str = "shop",
        rights: Rights = "secret",
        received_at: datetime = NOW,
        import_id: str | None = None,
    ) -> list[Accepted | Refusal]:
        """What the collector would do with these items, one after the other."""
        results = []
        for number, item in enumerate(items):
            origin = Origin(source, rights, received_at + timedelta(microseconds=number), import_id)
            result = admit(item, origin, KEY, self.services.new_id)
            results.append(result)
            if isinstance(result, Accepted):
                self.log.append(topics.TOUCHPOINTS, [NewRecord(result.key, result.value)])
            else:
                self.fail(result, codec.dumps(item).decode(), source, origin.received_at, rights)
        return results

    def fail(
        self, refusal: Refusal, item: str, source: str, received_at: datetime, rights: Rights = "secret"
    ) -> None:
        failed = FailedEvent(
            failed_id=uuid5(FAILED, f"{source}{item}"),
            code=refusal.code,
            path=refusal.path,
            reason=refusal.reason,
            via="http",
            source=source,
            rights=rights,
            received_at=received_at,
            item=item,
        )
        self.log.append(topics.FAILED_EVENTS, [NewRecord(b"", failed.model_dump_json().encode())])

    def fold(self) -> None:
        self.projector.fold_all()
        assert canon.twice(self.store.writer) == {}

    def answer(
        self,
        method: str,
        path: str,
        token: str | None = ADMIN,
        extra: dict[str, str] | None = None,
        **options: Any,
    ) -> httpx.Response:
        headers = (extra or {}) | ({"authorization": f"Bearer {token}"} if token else {})

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
                return await client.request(method, path, headers=headers, **options)

        return asyncio.run(request())

    def ask(self, method: str, path: str, status: int = 200, **options: Any) -> dict[str, Any]:
        response = self.answer(method, path, **options)
        assert response.status_code == status, response.text
        body: dict[str, Any] = response.json()
        return body

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        return self.ask("GET", path, params=params)

    def look_up(self, kind: str, value: str) -> dict[str, Any]:
        return self.ask("POST", "/api/profiles/lookup", json={"kind": kind, "value": value})

    def pages(self, path: str, limit: int = 3, **params: Any) -> list[dict[str, Any]]:
        """All items of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            asked = {**params, "limit": limit} | ({"cursor": cursor} if cursor else {})
            page = self.get(path, **asked)
            assert len(page["items"]) <= limit
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items
            assert len(page["items"]) == limit


@contextmanager
def query_node(folder: Path, currency: str = "JPY", partitions: int = 1) -> Iterator[QueryNode]:
    """A node with the shipped definitions, in the time zone of Tokyo."""
    store = Store(folder / "store.duckdb", log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
    try:
        node = QueryNode(memory_log(partitions), store)
        node.define(*shipped_definitions(currency))
        yield node
    finally:
        store.close()
