"""First start: what a log needs before it can be folded, appended as definitions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import orjson
from pydantic import ValidationError

from kizuna.eventlog.port import EventLog, NewRecord
from kizuna.eventlog.topics import DEFINITIONS
from kizuna.projections.definitions import WORKSPACE, read_record
from kizuna.schemas.definitions import (
    Activation,
    Definition,
    Kind,
    Trait,
    Workspace,
    activation,
    latest,
    newest,
    pending,
)
from kizuna.schemas.errors import ConfigurationError

from .settings import Settings

logger = logging.getLogger(__name__)

Slot = tuple[Kind, str]
Body = dict[str, object] | None

NAMESPACE = uuid5(NAMESPACE_URL, "kizuna:definition")
READ_LIMIT = 1_000
DURABLE_SECONDS = 30.0


def define(log: EventLog, settings: Settings, traits: Sequence[Trait], clock: Callable[[], datetime]) -> None:
    """Append the workspace, unless the log has one, and those of the shipped `traits` that are missing or
    changed, in the layer below the user's. Where nothing is in force yet all of it is at once; else the
    projector activates what is new. Warns of settings that the workspace overrules."""
    told = list(_read(log))
    held = [one for one in told if not isinstance(one, Activation)]
    known: dict[Slot, Definition] = {
        (kind, name): one for (kind, name, layer), one in newest(held).items() if layer == "shipped"
    }
    wanted: dict[Slot, Body] = {slot: None for slot in known if slot[0] == "trait"}
    wanted |= {("trait", trait.name): _body(trait) for trait in traits}
    if WORKSPACE in latest(held):
        _compare(workspace_of(log), settings)
    else:
        wanted[WORKSPACE] = settings.workspace().model_dump(mode="json")
    now = clock()
    new = [
        _definition(slot, body, known.get(slot), now)
        for slot, body in wanted.items()
        if slot not in known or known[slot].body != body
    ]
    records = [NewRecord(f"{one.kind}/{one.name}".encode(), one.model_dump_json().encode()) for one in new]
    if len(held) == len(told):
        records += [
            NewRecord(
                str(one.definition_id).encode(), activation(one.definition_id, now).model_dump_json().encode()
            )
            for one in pending([*held, *new], ())
        ]
    if records:
        log.append(DEFINITIONS, records).result(DURABLE_SECONDS)


def _body(trait: Trait) -> Body:
    return trait.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)


def workspace_of(log: EventLog) -> Workspace:
    """What the log says of days and money."""
    held = latest(read_definitions(log)).get(WORKSPACE)
    return Workspace.model_validate(held.body) if held else Workspace()


def read_definitions(log: EventLog) -> Iterator[Definition]:
    """Every definition in the log, in force or not."""
    return (one for one in _read(log) if not isinstance(one, Activation))


def _read(log: EventLog) -> Iterator[Definition | Activation]:
    """The records of the topic, without those that the fold keeps as failed events."""
    for at, bounds in log.bounds().items():
        offset = bounds.first
        while at.topic == DEFINITIONS and offset < bounds.end:
            records = log.read(at.topic, at.partition, offset, READ_LIMIT)
            for record in records:
                with suppress(ValidationError, ConfigurationError):
                    yield read_record(record.value)
            offset = records[-1].offset + 1 if records else bounds.end


def _definition(slot: Slot, body: Body, before: Definition | None, now: datetime) -> Definition:
    """Its id follows from what it says and what it replaces, so that two nodes that start at once agree. It
    is later than what it replaces, even when the clock was set back: the latest counts."""
    kind, name = slot
    said = orjson.dumps([kind, name, body, str(before.definition_id) if before else None]).decode()
    return Definition(
        definition_id=uuid5(NAMESPACE, said),
        kind=kind,
        name=name,
        layer="shipped",
        received_at=max(now, before.received_at + timedelta(microseconds=1)) if before else now,
        body=body,
    )


def _compare(workspace: Workspace, settings: Settings) -> None:
    for name in ("time_zone", "currency"):
        held, asked = getattr(workspace, name), getattr(settings, name)
        if name in settings.model_fields_set and asked != held:
            logger.warning(
                "the workspace's %s is %s, as its log says; the setting %s is not used", name, held, asked
            )
