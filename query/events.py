"""Routes of single events and of imports: what they are, and whether they count."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from kizuna.projections import imports, standing

from . import paging
from .answers import Json, answer
from .errors import not_found, refused
from .examples import refusals
from .paging import Cursor, Limit
from .shapes import EventAnswer, ImportAnswer, ImportList
from .snapshots import Snapshots

NO_IMPORT = "GET /api/imports lists them."
NO_EVENT = "A timeline, or the history of an entity, has the ids of events."


def router(snapshots: Snapshots) -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["corrections"])

    @routes.get("/events/{event_id}", response_model=EventAnswer, responses=refusals(404))
    def read_event(event_id: UUID) -> Json:
        """One event, whether it counts or not: since when not, and what took it out. It is looked for in all
        events."""
        with snapshots.open() as snapshot:
            found = standing.read_event(snapshot.cursor, event_id)
            if found is None:
                raise not_found("event", snapshot.cut, NO_EVENT)
            return answer(snapshot.cut, found)

    @routes.get("/imports", response_model=ImportList)
    def list_imports(limit: Limit = 50, cursor: Cursor = None) -> Json:
        """Imports, the newest first: what came of each, and whether it is undone. It reads all events."""
        question = ["imports"]
        after = paging.start(question, cursor)
        with snapshots.open() as snapshot, refused():
            found = imports.list_imports(snapshot.cursor, after, limit)
            return paging.page(snapshot.cut, found.items, question, found.after)

    @routes.get("/imports/{import_id}", response_model=ImportAnswer, responses=refusals(404))
    def read_import(import_id: str) -> Json:
        """One import, with its events by type and the first of its failed rows."""
        with snapshots.open() as snapshot:
            found = imports.read_import(snapshot.cursor, import_id)
            if found is None:
                raise not_found("import", snapshot.cut, NO_IMPORT)
            return answer(snapshot.cut, found)

    return routes
