"""The composition root: opens what lies in a data directory and hands it out as services."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from kizuna.eventlog.kafka_place import KafkaPlace
from kizuna.eventlog.port import EventLog
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.eventlog.topics import TOUCHPOINTS
from kizuna.processors.access import Access
from kizuna.processors.fetched import Fetched
from kizuna.processors.owned_log import OwnedLog
from kizuna.processors.ownership import Ownership
from kizuna.processors.projector import Projector
from kizuna.processors.services import Services
from kizuna.projections.store import Limits, Store

from . import store_identity
from .directory import DataDirectory
from .settings import Settings

if TYPE_CHECKING:
    from kizuna.eventlog.kafka_topics import Described
    from kizuna.processors.group import Group

logger = logging.getLogger(__name__)


def clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def micros() -> int:
    """Microseconds since 1970, UTC."""
    return time.time_ns() // 1_000


def new_secret() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def open_log(directory: DataDirectory, settings: Settings) -> EventLog:
    """The log of the directory, or the one in Kafka, beside a running node too."""
    place = _kafka(directory, settings)
    if place is not None:
        return _open_kafka(place, settings)
    return SqliteLog(directory.log, clock=micros, new_id=uuid4, group_commit_ms=settings.group_commit_ms)


def _kafka(directory: DataDirectory, settings: Settings) -> KafkaPlace | None:
    """Where the log is, if not in the directory."""
    address = directory.kafka_address(settings.log)
    return settings.kafka(address) if address else None


# What a log in Kafka needs is loaded where it is: a command on a log that lies here has no use for it.


def _topics(place: KafkaPlace, settings: Settings) -> Described:
    from kizuna.eventlog.kafka_topics import ensure

    return ensure(place, {TOUCHPOINTS: settings.kafka_partitions}, settings.kafka_replicas)


def _open_kafka(place: KafkaPlace, settings: Settings) -> EventLog:
    from kizuna.eventlog.kafka import KafkaLog

    described = _topics(place, settings)
    for warning in described.warnings():
        logger.warning("%s", warning)
    return KafkaLog(place, described, delivery_seconds=settings.kafka_delivery_seconds)


@contextmanager
def opened_log(directory: DataDirectory, settings: Settings) -> Iterator[EventLog]:
    """The log of the directory, as its store may use it; closed at the end."""
    with _owned_log(directory, settings) as (log, _):
        if not directory.exists:
            directory.remember_kafka(settings.log)
        yield log


@contextmanager
def opened_ownership(directory: DataDirectory, settings: Settings) -> Iterator[Ownership]:
    """Who owns the log of the directory, where no node runs."""
    with _owned_log(directory, settings) as (_, ownership):
        yield ownership


def check_log(directory: DataDirectory, settings: Settings) -> None:
    """Whether the log in Kafka can be had. Raises ConfigurationError, LogUnavailable."""
    place = _kafka(directory, settings)
    assert place is not None
    _topics(place, settings)


@contextmanager
def _owned_log(directory: DataDirectory, settings: Settings) -> Iterator[tuple[EventLog, Ownership]]:
    with closing(open_log(directory, settings)) as log:
        ownership = Ownership(log, store_identity.store_id(directory, uuid4), clock)
        ownership.refresh()
        yield OwnedLog(log, ownership), ownership


def limits(settings: Settings) -> Limits:
    return Limits(threads=settings.store_threads, memory=settings.store_memory)


@contextmanager
def opened_services(
    directory: DataDirectory, settings: Settings, admin_token: str | None = None
) -> Iterator[Services]:
    """Everything of the directory, for the one process that owns its store. The projector is not started.

    Raises StoreLocked when another process owns the store, ForeignLog, StoreOutdated, ConfigurationError.
    """
    workspace_key = directory.open_workspace(lambda path: logger.info("made a new workspace in %s", path))
    with _owned_log(directory, settings) as (log, ownership):
        store = Store(
            directory.store,
            log_id=log.identity.log_id,
            generation=log.identity.generation,
            store_id=ownership.store_id,
            limits=limits(settings),
        )
        try:
            directory.remember_kafka(settings.log)  # the store agrees that it is its log
            place = _kafka(directory, settings)
            fetched = Fetched(log) if place else None
            projector = Projector(
                fetched or log,
                store,
                workspace_key,
                clock,
                batch=settings.batch_size,
                has_effects=lambda: ownership.mine,
            )
            group = _group(place, store, fetched, projector) if place and fetched else None
            access = Access(log, clock, admin_token)
            access.refresh()
            yield Services(
                log, store, access, ownership, projector, workspace_key, clock, uuid4, new_secret, group
            )
        finally:
            store.close()


def _group(place: KafkaPlace, store: Store, fetched: Fetched, projector: Projector) -> Group:
    from kizuna.processors.group import Group

    return Group(place, store.store_id, store.path.with_name("faust"), fetched, projector)
