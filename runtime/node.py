"""The node: everything in one process, from opening the data directory to closing it."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress

import duckdb
from starlette.types import ASGIApp

from kizuna.ingest.collector import collector
from kizuna.processors.services import Services
from kizuna.projections.definitions import shipped
from kizuna.projections.store import is_damage
from kizuna.projections.store_file import is_held
from kizuna.query.api import create_app
from kizuna.query.upgrading import Upgrading
from kizuna.schemas.errors import KizunaError, StoreLocked, TransientError

from . import bootstrap, node_file, running_node, server
from .addresses import Proxies, networks
from .archivist import Archivist
from .connections import Connections
from .descriptors import raise_limit
from .directory import DataDirectory
from .gate import Gate
from .node_file import NodeFile
from .settings import Settings
from .stopped import ProjectorStopped
from .tracing import traced
from .upgrade import Upgrade, opened_upgraded
from .watchdog import Watchdog

logger = logging.getLogger(__name__)

PATIENCE = 30.0
PAUSE = 0.2


def run(
    directory: DataDirectory,
    settings: Settings,
    listening: Callable[[str, Services], None] = lambda address, services: None,
    *,
    worker: bool = False,
    beat: Callable[[], None] = lambda: None,
) -> None:
    """Serve until told to stop. `listening` is called with the address, once requests are answered. A
    `worker` takes in no events, and where another one holds the store it stands by until that ends. `beat` is
    called while all is well.

    Raises ProjectorStopped when the fold cannot go on, ConfigurationError when the port is taken,
    StoreLocked when a node runs on this directory already, and what opening it raises.
    """
    token = secrets.token_urlsafe(32)
    if not worker:
        _refuse_second(directory)
    # The port first: where it is taken, no new workspace is left behind.
    with closing(server.bind(settings.host, settings.port)) as bound, ExitStack() as stack:
        traces = stack.enter_context(traced(settings))
        services = traces.services(_opened(directory, settings, token, stack, beat if worker else None))
        address = server.address(bound)
        upgrade = Upgrade(directory, services)
        archivist = Archivist(directory, settings)
        proxies = Proxies(networks(settings.trusted_proxies))
        app = traces.application(_application(services, settings, upgrade, proxies, worker=worker))
        room = raise_limit(settings.connections)
        connections = Connections(settings.connection_limits(room), proxies)

        def announce() -> None:
            NodeFile(address, token).write(directory)
            logger.info("listening", extra={"address": address, "data": str(directory.path)})
            listening(address, services)

        beat()
        _define(services, settings)
        beat()
        services.projector.start()
        if services.group is not None:
            services.group.start()
        upgrade.start()
        archivist.start()
        watchdog = Watchdog(services.projector, beat)
        watchdog.start()
        try:
            server.serve(app, bound, connections, announce, lambda: services.projector.failure is not None)
        finally:
            archivist.stop()
            node_file.remove(directory)
            upgrade.stop()
            if services.group is not None:
                services.group.stop()
            try:
                _finish(services)
            finally:
                watchdog.stop()


def _application(
    services: Services, settings: Settings, upgrade: Upgrade, proxies: Proxies, *, worker: bool
) -> ASGIApp:
    """Collector and API, behind what bounds everybody."""
    api = Upgrading(create_app(services, settings.api_limits()), services, upgrade.running)
    return Gate(
        api if worker else server.dispatcher(collector(services, settings.collector_limits()), api),
        proxies,
        settings.rate(settings.address_requests),
        loopback=settings.limit_loopback,
    )


def _opened(
    directory: DataDirectory,
    settings: Settings,
    token: str,
    stack: ExitStack,
    standing_by: Callable[[], None] | None,
) -> Services:
    """A command that asks where no node runs holds the store for a moment: it is waited for. Who stands by
    waits as long as another one lives, or the log is away, and tells that it does."""
    give_up = time.monotonic() + PATIENCE
    told = ""
    while True:
        why = "another process holds the store: standing by until it ends"
        try:
            if standing_by is None or not is_held(directory.store):
                return stack.enter_context(opened_upgraded(directory, settings, token))
        except StoreLocked:
            if standing_by is None:
                _refuse_second(directory)
                if time.monotonic() > give_up:
                    raise
        except TransientError as error:
            if standing_by is None:
                raise
            why = f"waiting: {error}"
        if standing_by is not None:
            standing_by()
            if why != told:
                logger.warning(why) if why.startswith("waiting") else logger.info(why)
            told = why
        time.sleep(PAUSE)


def _define(services: Services, settings: Settings) -> None:
    services.ownership.claim()
    if services.ownership.mine:
        bootstrap.define(services.log, settings, shipped(), services.clock)
    else:
        logger.warning(
            "this store is a replica, of data that was restored or copied: it takes nothing in until "
            "`kizuna promote` makes it the owner"
        )


def _refuse_second(directory: DataDirectory) -> None:
    running = running_node.find(directory)
    if running:
        raise StoreLocked(
            f"A node runs on {directory.path} already at {running.address}.",
            hint="Use it, stop it first, or choose another directory with --data.",
        ) from None


def _finish(services: Services) -> None:
    """Stop between two batches and put the store in order."""
    services.projector.stop()
    failure = services.projector.failure
    if failure is None:
        with suppress(duckdb.Error):  # the write-ahead log holds the same: it is read at the next start
            services.store.checkpoint()
        logger.info("stopped")
        return
    reason = (
        str(failure) if isinstance(failure, KizunaError) else f"{type(failure).__name__}; see the log above."
    )
    damaged = isinstance(failure, duckdb.Error) and is_damage(failure)
    raise ProjectorStopped(
        "The projector stopped: the store is damaged." if damaged else f"The projector stopped: {reason}",
        hint=f"Nothing that was accepted is lost. Run `kizuna {'rebuild' if damaged else 'doctor'}`.",
    ) from failure
