"""A client that never gives up, and knows what was acknowledged to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import httpx

from kizuna.runtime.shop import Shop
from tests.node_process import NodeProcess, kizuna_json

BATCH = 50


class Client(threading.Thread):
    """Posts events without a break. A batch without an answer is sent again until it has one; one that was
    acknowledged never is."""

    def __init__(self, node: NodeProcess, key: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._node = node
        self._key = key
        self._items = events(seed)
        self._stopping = threading.Event()
        self.acknowledged: list[str] = []
        self.retries = 0
        self.problem: object = None

    def run(self) -> None:
        while not self._stopping.is_set() and self.problem is None:
            batch = list(islice(self._items, BATCH))
            while not self._sent(batch):
                self.retries += 1
                time.sleep(0.05)
            self.acknowledged += [str(one["message_id"]) for one in batch]

    def _sent(self, batch: list[dict[str, object]]) -> bool:
        try:
            answer = self._node.post(self._key, batch)
        except httpx.TransportError:
            return False
        if answer.status_code == 503:
            return False
        if answer.status_code != 200 or answer.json()["accepted"] != len(batch):
            self.problem = answer.text
        return True

    def finish(self) -> None:
        """Send the batch in hand to its end, then stop."""
        self._stopping.set()
        self.join(60)
        assert not self.is_alive()
        assert self.problem is None


def events(seed: int) -> Iterator[dict[str, object]]:
    """Every message once, so that only a retry can make a second copy."""
    shop = Shop(seed, datetime.now(UTC), customers=200, currency="JPY", live=True)
    seen: set[object] = set()
    while True:
        submission = shop.next(datetime.now(UTC)).submission
        submission.pop("entities", None)
        if submission["type"] != "entity.attributed" and submission["message_id"] not in seen:
            seen.add(submission["message_id"])
            yield submission


def folded(data: Path) -> dict[str, Any]:
    """The status, once the node has folded everything."""
    until = time.monotonic() + 120
    while True:
        status: dict[str, Any] = kizuna_json("status", "--data", data)
        if status["lag"] == 0:
            return status
        assert time.monotonic() < until, status
        time.sleep(0.1)
