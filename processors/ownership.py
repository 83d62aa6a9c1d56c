"""Who owns the effects of a log: one store, named in the log itself. Every other store is a replica."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import ValidationError

from kizuna.eventlog.port import EventLog, NewRecord
from kizuna.eventlog.topics import DEFINITIONS
from kizuna.schemas.definitions import OWNER, Definition, Owner
from kizuna.schemas.errors import LogUnavailable

from .definitions_tail import DefinitionsTail

DURABLE_SECONDS = 30.0

_NAMESPACE = uuid5(NAMESPACE_URL, "kizuna:owner")


class Ownership:
    """Whether this store owns the effects of the log. A log that names no owner yet is everybody's: the first
    node that starts on it claims it. Of several claims the highest epoch counts, of equal ones the first.

    Every method may be called from any thread; those that read or append raise LogUnavailable.
    """

    def __init__(self, log: EventLog, store_id: UUID, clock: Callable[[], datetime]) -> None:
        self.store_id = store_id
        self.owner: Owner | None = None
        self._log = log
        self._clock = clock
        self._tail = DefinitionsTail(log)
        self._rank: tuple[int, float, str] | None = None
        self._latest: datetime | None = None
        self._lock = threading.RLock()

    @property
    def mine(self) -> bool:
        """Whether this store may append: it is the owner, or there is none."""
        return self.owner is None or self.owner.store_id == self.store_id

    def refresh(self) -> None:
        """Read what the log says by now."""
        with self._lock:
            for one in self._tail.new():
                if one.kind != "owner":
                    continue
                try:
                    owner = Owner.model_validate(one.body)
                except ValidationError:
                    continue
                self._latest = max(self._latest or one.received_at, one.received_at)
                rank = (owner.epoch, -one.received_at.timestamp(), str(one.definition_id))
                if self._rank is None or rank > self._rank:
                    self._rank, self.owner = rank, owner

    def claim(self) -> None:
        """Become the owner where there is none."""
        with self._lock:
            self.refresh()
            if self.owner is None:
                self._take()

    def promote(self) -> Owner:
        """Become the owner, whoever was. The owner that is stays it, with its epoch."""
        with self._lock:
            self.refresh()
            if self.owner is None or not self.mine:
                self._take()
            assert self.owner is not None
            return self.owner

    def _take(self) -> None:
        body = Owner(store_id=self.store_id, epoch=self.owner.epoch + 1 if self.owner else 1)
        now = self._clock()
        definition = Definition(
            # Two processes of one store that start at once append the same.
            definition_id=uuid5(_NAMESPACE, f"{body.store_id}/{body.epoch}"),
            kind="owner",
            name=OWNER,
            # Later than what it replaces, even when the clock was set back: the latest counts.
            received_at=max(now, self._latest + timedelta(microseconds=1)) if self._latest else now,
            body=body.model_dump(mode="json"),
        )
        record = NewRecord(f"owner/{OWNER}".encode(), definition.model_dump_json().encode())
        try:
            self._log.append(DEFINITIONS, [record]).result(DURABLE_SECONDS)
        except TimeoutError:
            raise LogUnavailable("The log did not answer in time.", hint="Try again.") from None
        self.refresh()
