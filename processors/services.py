"""What the outer layers are given: one frozen record of services, built by `runtime.wiring`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kizuna.eventlog.port import EventLog
from kizuna.projections.store import Store

from .access import Access
from .ownership import Ownership
from .projector import Projector


@dataclass(frozen=True, slots=True)
class Services:
    """`clock` gives now in UTC, `new_id` a random UUID, `new_secret` 256 random bits as text."""

    log: EventLog
    store: Store
    access: Access
    ownership: Ownership
    projector: Projector
    workspace_key: str
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    new_secret: Callable[[], str]
