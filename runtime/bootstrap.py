"""First start: what a log needs before it can be folded, appended as definitions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

import orjson
from pydantic import ValidationError

from kizuna.eventlog.port import EventLog, NewRecord
from kizuna.eventlog.topics import DEFINITIONS
from kizuna.projections.failures import read_definition
from kizuna.schemas.definitions import Definition, Kind, Trait, Workspace, latest
from kizuna.schemas.errors import ConfigurationError

from .settings import Settings

logger = logging.getLogger(__name__)

Slot = tuple[Kind, str]
Body = dict[str, object] | None

WORKSPACE: Slot = ("workspace", "workspace")
NAMESPACE = uuid5(NAMESPACE_URL, "kizuna:definition")
READ_LIMIT = 1_000
DURABLE_SECONDS = 30.0


def define(log: EventLog, settings: Settings, traits: Sequence[Trait], clock: Callable[[], datetime]) -> None:
    """Append the workspace, unless the log has one, and those of the shipped `traits` that are missing or
    changed, in the layer below the user's. Warns of settings that the workspace overrules."""
    held = list(read_definitions(log))
    newest = _newest(one for one in held if one.layer == "shipped")
    wanted: dict[Slot, Body] = {slot: None for slot in newest if slot[0] == "trait"}
    wanted |= {("trait", trait.name): _body(trait) for trait in traits}
    if WORKSPACE in latest(held):
        _compare(workspace_of(log), settings)
    else:
        wanted[WORKSPACE] = settings.workspace().model_dump(mode="json")
    new = [
        _definition(slot, body, newest.get(slot), clock())
        for slot, body in wanted.items()
        if slot not in newest or newest[slot].body != body
    ]
    if new:
        records = [
            NewRecord(f"{one.kind}/{one.name}".encode(), one.model_dump_json().encode()) for one in new
        ]
        log.append(DEFINITIONS, records).result(DURABLE_SECONDS)


def _newest(definitions: Iterable[Definition]) -> dict[Slot, Definition]:
    """The newest of each kind and name, also where it took something back."""
    ordered = sorted(definitions, key=lambda one: (one.received_at, one.definition_id))
    return {(one.kind, one.name): one for one in ordered}


def _body(trait: Trait) -> Body:
    return trait.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)


def workspace_of(log: EventLog) -> Workspace:
    """What the log says of days and money."""
    held = latest(read_definitions(log)).get(WORKSPACE)
    return Workspace.model_validate(held.body) if held else Workspace()


def read_definitions(log: EventLog) -> Iterator[Definition]:
    """Every definition in the log, without the records that the fold keeps as failed events."""
    for at, bounds in log.bounds().items():
        offset = bounds.first
        while at.topic == DEFINITIONS and offset < bounds.end:
            records = log.read(at.topic, at.partition, offset, READ_LIMIT)
            for record in records:
                with suppress(ValidationError, ConfigurationError):
                    yield read_definition(record.value)
            offset = records[-1].offset + 1 if records else bounds.end


def _definition(slot: Slot, body: Body, before: Definition | None, now: datetime) -> Definition:
    """Its id follows from what it says and what it replaces, so that two nodes that start at once agree."""
    kind, name = slot
    said = orjson.dumps([kind, name, body, str(before.definition_id) if before else None]).decode()
    return Definition(
        definition_id=uuid5(NAMESPACE, said),
        kind=kind,
        name=name,
        layer="shipped",
        received_at=now,
        body=body,
    )


def _compare(workspace: Workspace, settings: Settings) -> None:
    for name in ("time_zone", "currency"):
        held, asked = getattr(workspace, name), getattr(settings, name)
        if name in settings.model_fields_set and asked != held:
            logger.warning(
                "the workspace's %s is %s, as its log says; the setting %s is not used", name, held, asked
            )
