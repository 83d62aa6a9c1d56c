"""Collectors of their own, in front of a log in Kafka: processes on one port that take events in and keep
nothing."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kizuna.eventlog.port import EventLog
from kizuna.ingest.collector import collector
from kizuna.processors.access import Access
from kizuna.schemas.errors import ConfigurationError, LogUnavailable

from . import server
from .addresses import Proxies, networks
from .connections import Connections
from .descriptors import raise_limit
from .directory import DataDirectory
from .gate import Gate
from .settings import Settings
from .wiring import clock, open_log

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 1.0
"""Before a process that ended by itself is started again."""


@dataclass(frozen=True, slots=True)
class _Entrance:
    log: EventLog
    access: Access
    workspace_key: str
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    projector: None = None


def run(directory: DataDirectory, settings: Settings, workers: int) -> None:
    """Serve until told to stop. Raises ConfigurationError when the log is not in Kafka, or the port is taken;
    LogUnavailable when Kafka does not answer."""
    if not (settings.log or directory.kafka.exists()):
        raise ConfigurationError(
            "A collector of its own appends to a log in Kafka, and this log is a file.",
            hint="Set KIZUNA_LOG=kafka://HOST:PORT, or start a node: kizuna run",
        )
    key = directory.open_workspace(lambda path: logger.info("made a new workspace in %s", path))
    with closing(server.bind(settings.host, settings.port)) as bound:
        if workers == 1:
            _serve(directory, settings, key, bound)
            return
        bound.listen(server.BACKLOG)
        _Processes(lambda: _serve(directory, settings, key, bound), workers).run()


def _serve(directory: DataDirectory, settings: Settings, key: str, bound: socket.socket) -> None:
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
        server.serve(app, bound, connections, lambda: logger.info("collecting", extra={"address": address}))


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


class _Processes:
    """So many of one kind, until told to stop; one that ends by itself is started again."""

    def __init__(self, work: Callable[[], None], count: int) -> None:
        self._work = work
        self._count = count
        self._pids: set[int] = set()
        self._stopping = False

    def run(self) -> None:
        for one in (signal.SIGTERM, signal.SIGINT):
            signal.signal(one, lambda number, frame: self._stop())
        while len(self._pids) < self._count and not self._stopping:
            self._start()
        while self._pids:
            pid, status = os.wait()
            self._pids.discard(pid)
            if not self._stopping:
                logger.error("a collector ended, starting another: %s", os.waitstatus_to_exitcode(status))
                time.sleep(AGAIN_SECONDS)
                self._start()

    def _start(self) -> None:
        pid = os.fork()
        if pid:
            self._pids.add(pid)
            return
        code = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            self._work()
            code = 0
        except BaseException as error:
            logger.error("%s", error)
        finally:
            os._exit(code)

    def _stop(self) -> None:
        self._stopping = True
        for pid in self._pids:
            os.kill(pid, signal.SIGTERM)
