"""Routes of failed events."""

from __future__ import annotations

from fastapi import APIRouter, Request

from kizuna.eventlog.port import EventLog
from kizuna.projections import failed_events
from kizuna.projections.failed_events import Found
from kizuna.schemas.errors import LogGap

from . import paging
from .answers import Json, answer
from .errors import not_found, refused
from .examples import refusals
from .paging import Cursor, Limit
from .shapes import FailedAnswer, FailedGroups, FailedList
from .snapshots import Snapshots

MAX_GROUPS = 1_000


def router(snapshots: Snapshots, log: EventLog) -> APIRouter:
    routes = APIRouter(prefix="/api/failed-events", tags=["failed events"])

    @routes.get(
        "",
        response_model=FailedList,
        description="Items that were refused and copies that clash with another, newest first. Any other "
        f"parameter is a filter, `name=value`, by {', '.join(failed_events.FILTERS)}.",
    )
    def list_failed_events(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Json:
        filters = paging.asked(request)
        question = ["failed", filters]
        after = paging.start(question, cursor)
        with snapshots.open() as snapshot, refused():
            found = failed_events.list_failed(snapshot.cursor, filters, after, limit)
            return paging.page(snapshot.cut, found.items, question, found.after)

    @routes.get("/groups", response_model=FailedGroups)
    def group_failed_events() -> Json:
        """How many there are of each code, path, reason and source; the most first."""
        with snapshots.open() as snapshot:
            groups = failed_events.group_failed(snapshot.cursor, MAX_GROUPS)
            return answer(snapshot.cut, {"items": groups})

    @routes.get("/{failed_id}", response_model=FailedAnswer, responses=refusals(404))
    def read_failed_event(failed_id: str) -> Json:
        """One failed event with the item as it came."""
        with snapshots.open() as snapshot:
            found = failed_events.read_failed(snapshot.cursor, failed_id)
            if found is None:
                raise not_found("failed event", snapshot.cut, "GET /api/failed-events lists them.")
            return answer(snapshot.cut, {**found.item, "item": _text(log, found)})

    return routes


def _text(log: EventLog, found: Found) -> str | None:
    """The store keeps refused items; a copy that clashes stands in the log alone."""
    if found.text is not None:
        return found.text
    topic, partition, offset = (found.item[name] for name in ("topic", "partition", "offset"))
    assert isinstance(topic, str)
    assert isinstance(partition, int)
    assert isinstance(offset, int)
    try:
        records = log.read(topic, partition, offset, 1)
    except LogGap:
        return None
    if not records or records[0].offset != offset:
        return None
    return records[0].value.decode(errors="replace")
