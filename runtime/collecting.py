"""Collectors of their own, in front of a log in Kafka: processes on one port that take events in and keep
nothing."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID, uuid4

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kizuna.eventlog.port import EventLog
from kizuna.ingest.collector import collector
from kizuna.processors.access import Access
from kizuna.schemas.errors import LogUnavailable

from . import server
from .addresses import Proxies, networks
from .connections import Connections
from .descriptors import raise_limit
from .directory import DataDirectory
from .gate import Gate
from .processes import Beat, Processes
from .settings import Settings
from .watchdog import STUCK_SECONDS
from .wiring import check_log, clock, open_log

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Entrance:
    log: EventLog
    access: Access
    workspace_key: str
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    projector: None = None


def run(directory: DataDirectory, settings: Settings, workers: int) -> int:
    """Serve until told to stop; the exit code. Raises ConfigurationError when the log is not in Kafka, or the
    port is taken; LogUnavailable when Kafka does not answer."""
    directory.require_kafka(settings.log, "A collector of its own")
    key = directory.open_workspace(lambda path: logger.info("made a new workspace in %s", path))
    check_log(directory, settings)
    directory.remember_kafka(settings.log)
    with closing(server.bind(settings.host, settings.port)) as bound:
        bound.listen(server.BACKLOG)
        return Processes(
            lambda beat: _serve(directory, settings, key, bound, beat),
            workers,
            again=lambda code: True,
            patience=STUCK_SECONDS,
        ).run()


def _serve(directory: DataDirectory, settings: Settings, key: str, bound: socket.socket, beat: Beat) -> None:
    with closing(open_log(directory, settings)) as log:
        access = Access(log, clock)
        access.refresh()  # every key there is, before the first request
        proxies = Proxies(networks(settings.trusted_proxies))
        entrance = _Entrance(log, access, key, clock, uuid4)
        app = Gate(
            server.dispatcher(collector(entrance, settings.collector_limits()), _about(access)),
            proxies,
            settings.rate(settings.address_requests),
            loopback=settings.limit_loopback,
        )
        connections = Connections(settings.connection_limits(raise_limit(settings.connections)), proxies)
        address = server.address(bound)

        def failed() -> bool:
            beat()
            return False

        announce = partial(logger.info, "collecting", extra={"address": address})
        server.serve(app, bound, connections, announce, failed)


def _about(access: Access) -> Starlette:
    """What watches a collector may ask it."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "alive"})

    def ready(_: Request) -> Response:
        try:
            access.refresh()
        except LogUnavailable as error:
            return JSONResponse({"status": "unavailable", "why": str(error)}, 503)
        return JSONResponse({"status": "ready"})

    def metrics(_: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[Route("/health", health), Route("/ready", ready), Route("/metrics", metrics)],
    )
