"""The demo: a node whose shop is simulated, with a history of some months and then live."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import orjson

from kizuna.eventlog.topics import TOUCHPOINTS
from kizuna.processors.services import Services
from kizuna.schemas.errors import ConfigurationError, KizunaError

from . import node, server
from .bootstrap import workspace_of
from .directory import DataDirectory, write_private
from .settings import Settings
from .shop import SOURCES, Shop
from .shop_hours import moments
from .simulate import drive
from .targets import Node

logger = logging.getLogger(__name__)

SEED = 2026
CUSTOMERS = 400
HISTORY = 8_000
HISTORY_DAYS = 90
FOLD_SECONDS = 60.0
PATIENCE = 3.0

BEST_CUSTOMER = """
SELECT i.value FROM orders o JOIN identifiers i ON i.subject = o.owner
WHERE i.kind = 'user_id' GROUP BY i.value ORDER BY count(*) DESC, i.value LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Ready:
    """What the demo tells once it lives: a read token, a write key, and a customer to look at."""

    address: str
    token: str
    key: str
    user_id: str


def defaults(settings: Settings) -> dict[str, object]:
    """The shop stands in Tokyo, unless a setting says otherwise."""
    home = {"time_zone": "Asia/Tokyo", "currency": "JPY"}
    return {name: value for name, value in home.items() if name not in settings.model_fields_set}


def run(directory: DataDirectory, settings: Settings, rate: float, ready: Callable[[Ready], None]) -> None:
    """Run a node and feed it with `rate` events a second; `ready` is called when there is something to see.

    Raises ConfigurationError when the directory holds other data, and what `node.run` raises.
    """
    marker = _marker(directory)
    if directory.exists and not marker.exists():
        raise ConfigurationError(
            f"{directory.path} holds data that is no demo's.", hint="Choose another directory with --data."
        )
    if not directory.path.exists():  # where the port is taken, nothing is left behind
        server.bind(settings.host, settings.port).close()
    directory.prepare()
    if not marker.exists():
        write_private(marker, "{}")

    feeder = _Feeder(directory, rate, ready)
    try:
        node.run(directory, settings, feeder.begin)
    finally:
        feeder.end()


class _Feeder(threading.Thread):
    """The customers of the shop: a client like any other."""

    def __init__(self, directory: DataDirectory, rate: float, ready: Callable[[Ready], None]) -> None:
        super().__init__(name="demo", daemon=True)
        self._directory = directory
        self._rate = rate
        self._ready = ready
        self._closing = threading.Event()

    def begin(self, address: str, services: Services) -> None:
        self._address = address
        self._services = services
        self.start()

    def end(self) -> None:
        self._closing.set()
        if self.is_alive():
            self.join(5)

    def run(self) -> None:
        try:
            self._feed()
        except KizunaError as error:
            if not self._closing.is_set():
                logger.error("the demo's customers stay away: %s", error)

    def _feed(self) -> None:
        services = self._services
        keys, token = _credentials(self._directory, services)
        bounds = services.log.bounds()
        is_new = not any(its.end for at, its in bounds.items() if at.topic == TOUCHPOINTS)
        now = services.clock()
        begin = now - timedelta(days=HISTORY_DAYS) if is_new else now
        shop = Shop(SEED, begin, customers=CUSTOMERS, currency=workspace_of(services.log).currency)
        with httpx.Client(base_url=self._address, timeout=30.0) as client:
            target = Node(client, keys, patience=PATIENCE)
            if is_new:
                drive(shop, moments(begin, now, HISTORY), target, rate=0)
                services.projector.wait_folded(services.log.bounds(), FOLD_SECONDS)
            self._ready(Ready(self._address, token, keys["web"], _best_customer(services)))
            shop.go_live()
            drive(shop, self._until_closing(services.clock), target, rate=self._rate)

    def _until_closing(self, clock: Callable[[], datetime]) -> Iterator[datetime]:
        while not self._closing.is_set():
            yield clock()


def _credentials(directory: DataDirectory, services: Services) -> tuple[dict[str, str], str]:
    """A write key for each source and a read token: those of last time, as long as they open something."""
    held = orjson.loads(_marker(directory).read_bytes())
    access = services.access
    access.refresh()
    keys: dict[str, str] = held.get("keys", {})
    for source in SOURCES:
        if access.write_key(keys.get(source, "")) is None:
            if f"demo-{source}" in access.write_keys():
                access.remove("write_key", f"demo-{source}", services.new_id())
            keys[source] = access.create_write_key(
                f"demo-{source}", "secret", source, services.new_secret(), services.new_id()
            )
    token: str = held.get("token", "")
    if access.token(token) is None:
        if "demo" in access.tokens():
            access.remove("token", "demo", services.new_id())
        token = access.create_token("demo", "read", services.new_secret(), services.new_id())
    write_private(_marker(directory), orjson.dumps({"keys": keys, "token": token}).decode())
    return keys, token


def _best_customer(services: Services) -> str:
    with services.store.read() as snapshot:
        row = snapshot.execute(BEST_CUSTOMER).fetchone()
    return str(row[0]) if row else "C-00001"


def _marker(directory: DataDirectory) -> Path:
    """Says that the data here is a demo's; holds its keys and token, for the next start."""
    return directory.path / "demo.json"
