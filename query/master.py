"""Routes of master data and notes."""

from __future__ import annotations

from fastapi import APIRouter

from kizuna.projections import master

from . import paging
from .answers import Json
from .errors import refused
from .paging import Cursor, Limit
from .shapes import MasterList, NoteList
from .snapshots import Snapshots

KINDS = {"products": master.PRODUCTS, "stores": master.STORES, "staff": master.STAFF}


def router(snapshots: Snapshots) -> APIRouter:
    routes = APIRouter(prefix="/api")
    for plural, kind in KINDS.items():
        _add(routes, snapshots, plural, kind)

    @routes.get("/notes", response_model=NoteList, tags=["notes"])
    def list_notes(limit: Limit = 50, cursor: Cursor = None) -> Json:
        """Notes, newest first; one that carries a note_id as it was last told."""
        after = paging.start(["notes"], cursor)
        with snapshots.open() as snapshot, refused():
            found = master.list_notes(snapshot.cursor, after, limit)
            return paging.page(snapshot.cut, found.items, ["notes"], found.after)

    return routes


def _add(routes: APIRouter, snapshots: Snapshots, plural: str, kind: master.MasterKind) -> None:
    def list_master(limit: Limit = 50, cursor: Cursor = None) -> Json:
        after = paging.start([plural], cursor)
        with snapshots.open() as snapshot, refused():
            found = master.list_master(snapshot.cursor, kind, after, limit)
            return paging.page(snapshot.cut, found.items, [plural], found.after)

    routes.add_api_route(
        f"/{plural}",
        list_master,
        methods=["GET"],
        name=f"list_{plural}",
        summary=f"List {plural.capitalize()}",
        description=f"{plural.capitalize()} by {kind.id}: every property as `{kind.event_type}` last gave "
        "it, in history order.",
        tags=["master data"],
        response_model=MasterList,
    )
