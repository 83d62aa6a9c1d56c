"""The node: everything in one process, from opening the data directory to closing it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from contextlib import closing, suppress

import duckdb

from kizuna.ingest.collector import collector
from kizuna.processors.services import Services
from kizuna.projections.definitions import shipped
from kizuna.projections.store import is_damage
from kizuna.query.api import create_app
from kizuna.schemas.errors import KizunaError, StoreLocked

from . import bootstrap, node_file, running_node, server
from .addresses import Proxies, networks
from .connections import Connections
from .descriptors import raise_limit
from .directory import DataDirectory
from .gate import Gate
from .node_file import NodeFile
from .settings import Settings
from .stopped import ProjectorStopped
from .wiring import opened_services

logger = logging.getLogger(__name__)


def run(
    directory: DataDirectory,
    settings: Settings,
    listening: Callable[[str, Services], None] = lambda address, services: None,
) -> None:
    """Serve until told to stop. `listening` is called with the address, once requests are answered.

    Raises ProjectorStopped when the fold cannot go on, ConfigurationError when the port is taken,
    StoreLocked when a node runs on this directory already, and what opening it raises.
    """
    token = secrets.token_urlsafe(32)
    _refuse_second(directory)
    try:
        # The port first: where it is taken, no new workspace is left behind.
        with (
            closing(server.bind(settings.host, settings.port)) as bound,
            opened_services(directory, settings, token) as services,
        ):
            address = server.address(bound)
            proxies = Proxies(networks(settings.trusted_proxies))
            app = Gate(
                server.dispatcher(
                    collector(services, settings.collector_limits()),
                    create_app(services, settings.api_limits()),
                ),
                proxies,
                settings.rate(settings.address_requests),
                loopback=settings.limit_loopback,
            )
            room = raise_limit(settings.connections)
            connections = Connections(settings.connection_limits(room), proxies)

            def announce() -> None:
                NodeFile(address, token).write(directory)
                logger.info("listening", extra={"address": address, "data": str(directory.path)})
                listening(address, services)

            bootstrap.define(services.log, settings, shipped(), services.clock)
            services.projector.start()
            try:
                server.serve(app, bound, connections, services.projector, announce)
            finally:
                node_file.remove(directory)
                _finish(services)
    except StoreLocked:
        _refuse_second(directory)
        raise


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
