"""The node: everything in one process, from opening the data directory to closing it."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from contextlib import suppress

import duckdb

from kizuna.ingest.collector import collector
from kizuna.processors.services import Services
from kizuna.projections.definitions import shipped
from kizuna.query.api import create_app
from kizuna.schemas.errors import KizunaError, StoreLocked

from . import bootstrap, node_file, running_node, server
from .directory import DataDirectory
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
    try:
        with opened_services(directory, settings, token) as services:
            bound = server.bind(settings.host, settings.port)
            address = server.address(bound)
            app = server.dispatcher(collector(services, settings.collector_limits()), create_app(services))

            def announce() -> None:
                NodeFile(address, token).write(directory)
                logger.info("listening", extra={"address": address, "data": str(directory.path)})
                listening(address, services)

            bootstrap.define(services.log, settings, shipped(), services.clock)
            services.projector.start()
            try:
                server.serve(app, bound, services.projector, announce)
            finally:
                node_file.remove(directory)
                _finish(services)
    except StoreLocked:
        running = running_node.find(directory)
        if running is None:
            raise
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
    raise ProjectorStopped(
        f"The projector stopped: {reason}",
        hint="Nothing that was accepted is lost. Run `kizuna doctor`.",
    ) from failure
