"""Routes of failed events: what was refused, why, and what it was."""

from __future__ import annotations

from fastapi import APIRouter, Request

from kizuna.eventlog.port import EventLog
from kizuna.processors.repairs import conflict_item
from kizuna.projections import failed_events

from . import paging
from .answers import Json, answer
from .errors import not_found, refused
from .examples import refusals
from .paging import Cursor, Limit
from .shapes import FailedAnswer, FailedGroups, FailedList
from .snapshots import Snapshots

MAX_GROUPS = 1_000
FILTERS = f"Any other parameter is a filter, `name=value`, by {', '.join(failed_events.FILTERS)}."


def router(snapshots: Snapshots, log: EventLog) -> APIRouter:
    routes = APIRouter(prefix="/api/failed-events", tags=["failed events"])

    @routes.get(
        "",
        response_model=FailedList,
        description="Items that were refused and copies that clash with another, newest first; repaired ones "
        f"with `repaired=true` alone. {FILTERS}",
    )
    def list_failed_events(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Json:
        filters = paging.asked(request)
        question = ["failed", filters]
        after = paging.start(question, cursor)
        with snapshots.open() as snapshot, refused():
            found = failed_events.list_failed(snapshot.cursor, filters, after, limit)
            return paging.page(snapshot.cut, found.items, question, found.after)

    @routes.get(
        "/groups",
        response_model=FailedGroups,
        description="How many there are of each code, path and reason, whatever the numbers in them; the "
        f"most first. {FILTERS}",
    )
    def group_failed_events(request: Request) -> Json:
        with snapshots.open() as snapshot, refused():
            groups = failed_events.group_failed(snapshot.cursor, paging.asked(request), MAX_GROUPS)
            return answer(snapshot.cut, {"items": groups})

    @routes.get("/{failed_id}", response_model=FailedAnswer, responses=refusals(404))
    def read_failed_event(failed_id: str) -> Json:
        """One failed event with the item as it came; that of a conflict as a client would send it."""
        with snapshots.open() as snapshot:
            found = failed_events.read_failed(snapshot.cursor, failed_id)
            if found is None:
                raise not_found("failed event", snapshot.cut, "GET /api/failed-events lists them.")
            item = conflict_item(log, found) if found.item is None else found.item
            return answer(snapshot.cut, {**found.shown, "item": item})

    return routes
