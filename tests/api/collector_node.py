"""The collector to post to in tests: a log in memory, a store that is folded, and keys of both kinds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx

from kizuna.eventlog import topics
from kizuna.eventlog.memory import MemoryLog
from kizuna.ingest.body import Limits
from kizuna.ingest.collector import collector
from kizuna.processors.access import Access
from kizuna.processors.ownership import Ownership
from kizuna.processors.projector import Projector
from kizuna.processors.services import Services
from kizuna.projections.store import Store
from tests.folding import KEY, LOG, NOW, memory_log, shipped_definitions


class CollectorNode:
    """`secret` and `public` are write keys. Time stands still, ids count up."""

    def __init__(self, log: MemoryLog, store: Store, limits: Limits | None = None) -> None:
        ids = count(1)
        self.log = log
        self.access = Access(log, lambda: NOW)
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
        self.secret = self.access.create_write_key(
            "tills", "secret", "shop", "s" * 43, uuid5(LOG.log_id, "1")
        )
        self.public = self.access.create_write_key("web", "public", "site", "p" * 43, uuid5(LOG.log_id, "2"))
        self.app = collector(self.services, limits)

    def request(self, method: str = "POST", url: str = "/v1/events", **given: Any) -> httpx.Response:
        """One request; with the secret key unless `headers` are given."""
        given.setdefault("headers", {"authorization": f"Bearer {self.secret}"})

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
                return await client.request(method, url, **given)

        return asyncio.run(ask())

    def post(self, body: object, url: str = "/v1/events", **headers: str) -> httpx.Response:
        """A body as JSON, or as it is when it is text or bytes. Headers by name with _ for -."""
        sent = {"authorization": f"Bearer {self.secret}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.request(url=url, content=raw, headers=sent)

    def results(self, body: object, **headers: str) -> list[dict[str, Any]]:
        """The result of each item; the test fails unless it is a 200."""
        answer = self.post(body, **headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["results"]
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.kept(topics.TOUCHPOINTS)

    @property
    def failed(self) -> list[dict[str, Any]]:
        return self.kept(topics.FAILED_EVENTS)

    def kept(self, topic: str) -> list[dict[str, Any]]:
        return [json.loads(record.value) for record in self.log.read(topic, 0, 0, 1_000_000)]


@contextmanager
def collector_node(
    folder: Path, limits: Limits | None = None, log: MemoryLog | None = None
) -> Iterator[CollectorNode]:
    """A node whose projector was not started."""
    log = log or memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    store = Store(folder / "store.duckdb", log_id=LOG.log_id, generation=0, store_id=UUID(int=3))
    try:
        yield CollectorNode(log, store, limits)
    finally:
        store.close()


def page(**parts: Any) -> dict[str, Any]:
    """A page view that both keys may send."""
    return {"type": "page.viewed", "ids": {"anonymous_id": "a1"}, "properties": {"path": "/tea"}, **parts}
