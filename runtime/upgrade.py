"""Upgrades: a store that another version of the fold wrote makes room for one that is folded anew."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from kizuna.processors.services import Services
from kizuna.projections.store_file import discard, move
from kizuna.schemas.errors import StoreOutdated

from .directory import DataDirectory
from .settings import Settings
from .wiring import opened_services

logger = logging.getLogger(__name__)

TELL_SECONDS = 10.0
LOOK_SECONDS = 0.5


@contextmanager
def opened_upgraded(directory: DataDirectory, settings: Settings, admin_token: str) -> Iterator[Services]:
    """As `opened_services`, whatever version of the fold wrote the store. An outdated one is kept beside
    until the new one has caught up: the version that wrote it can go on with it. That of a version that came
    back is taken up again.

    Raises what `opened_services` raises, but StoreOutdated.
    """
    with ExitStack() as stack:
        try:
            services = stack.enter_context(opened_services(directory, settings, admin_token))
        except StoreOutdated as error:
            logger.warning("%s", str(error).removesuffix(error.hint).strip())
            services = _after_exchange(directory, settings, admin_token, stack)
        yield services


def _after_exchange(
    directory: DataDirectory, settings: Settings, admin_token: str, stack: ExitStack
) -> Services:
    outdated, between = directory.outdated_store, directory.path / "store.exchange.duckdb"
    if outdated.exists():
        move(outdated, between)
    move(directory.store, outdated)
    if between.exists():
        move(between, directory.store)
        try:
            return stack.enter_context(opened_services(directory, settings, admin_token))
        except StoreOutdated:  # of a third version
            discard(directory.store)
    return stack.enter_context(opened_services(directory, settings, admin_token))


class Upgrade:
    """Whether the store is being folded anew. Then nobody is shown half of it."""

    def __init__(self, directory: DataDirectory, services: Services) -> None:
        self._outdated = directory.outdated_store
        self._services = services
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="upgrade", daemon=True)

    def start(self) -> None:
        """Once the projector was started."""
        if self._outdated.exists():
            self._thread.start()

    def running(self) -> bool:
        """Until the new store has caught up for the first time."""
        return self._thread.is_alive() and not self._services.projector.caught_up.is_set()

    def stop(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch(self) -> None:
        projector = self._services.projector
        waited = TELL_SECONDS
        while not projector.caught_up.wait(LOOK_SECONDS):
            if self._closing.is_set():
                return
            waited += LOOK_SECONDS
            if waited >= TELL_SECONDS:
                waited = 0.0
                logger.info("folding the store anew", extra={"records_to_go": projector.lag()})
        discard(self._outdated)
        logger.info("the store is folded anew; the old one is removed")
