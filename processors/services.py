"""What the outer layers are given: one frozen record of services, built by `runtime.wiring`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from kizuna.eventlog.port import EventLog
from kizuna.projections.store import Store

from .access import Access
from .ownership import Ownership
from .projector import Projector

if TYPE_CHECKING:
    from .group import Group  # with Faust, which only a log in Kafka needs


@dataclass(frozen=True, slots=True)
class Services:
    """`clock` gives now in UTC, `new_id` a random UUID, `new_secret` 256 random bits as text. `group` brings
    the projector what a log in Kafka has."""

    log: EventLog
    store: Store
    access: Access
    ownership: Ownership
    projector: Projector
    workspace_key: str
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    new_secret: Callable[[], str]
    group: Group | None = None
