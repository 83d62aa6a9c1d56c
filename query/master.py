"""Routes of master data, and of notes, tags, single fields and relations."""

from __future__ import annotations

from fastapi import APIRouter

from kizuna.projections import master, remarks

from . import paging
from .answers import Json
from .errors import refused
from .paging import Cursor, Limit
from .shapes import MasterList, RemarkList
from .snapshots import Snapshots

KINDS = {
    "products": master.PRODUCTS,
    "stores": master.STORES,
    "staff": master.STAFF,
    "exchange-rates": master.EXCHANGE_RATES,
}
REMARKS = {
    "notes": (remarks.NOTES, "Notes, newest first; one that carries a note_id as it was last told."),
    "tags": (remarks.TAGS, "Of each person, company or thing and tag whether it was last added or removed."),
    "fields": (
        remarks.FIELDS,
        "Of each person, company or thing and field whether it was last set or unset.",
    ),
    "relations": (
        remarks.RELATIONS,
        "Of each person, kind and other person, company or household whether it was last linked or unlinked.",
    ),
}


def router(snapshots: Snapshots) -> APIRouter:
    routes = APIRouter(prefix="/api")
    for plural, kind in KINDS.items():
        _add_master(routes, snapshots, plural, kind)
    for plural, (remark, description) in REMARKS.items():
        _add_remarks(routes, snapshots, plural, remark, description)
    return routes


def _add_master(routes: APIRouter, snapshots: Snapshots, plural: str, kind: master.MasterKind) -> None:
    def list_master(limit: Limit = 50, cursor: Cursor = None) -> Json:
        after = paging.start([plural], cursor)
        with snapshots.open() as snapshot, refused():
            found = master.list_master(snapshot.cursor, kind, after, limit)
            return paging.page(snapshot.cut, found.items, [plural], found.after)

    title = plural.capitalize().replace("-", " ")
    routes.add_api_route(
        f"/{plural}",
        list_master,
        methods=["GET"],
        name=f"list_{plural.replace('-', '_')}",
        summary=f"List {title}",
        description=f"{title} by {', '.join(kind.key)}: every property as `{kind.event_type}` last gave "
        "it, in history order.",
        tags=["master data"],
        response_model=MasterList,
    )


def _add_remarks(
    routes: APIRouter, snapshots: Snapshots, plural: str, kind: remarks.RemarkKind, description: str
) -> None:
    def list_remarks(limit: Limit = 50, cursor: Cursor = None) -> Json:
        after = paging.start([plural], cursor)
        with snapshots.open() as snapshot, refused():
            found = remarks.list_remarks(snapshot.cursor, kind, after, limit)
            return paging.page(snapshot.cut, found.items, [plural], found.after)

    routes.add_api_route(
        f"/{plural}",
        list_remarks,
        methods=["GET"],
        name=f"list_{plural}",
        summary=f"List {plural.capitalize()}",
        description=description,
        tags=["notes"],
        response_model=RemarkList,
    )
