"""The route of totals: what was rung up, taken back and paid, to reconcile a till with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from kizuna.projections import totals

from . import paging
from .answers import Json
from .errors import refused
from .paging import Cursor, Limit
from .snapshots import Snapshots
from .total_shapes import TotalsList

ALL_GROUPS = ",".join(totals.GROUPS)
By = Annotated[
    str,
    Query(
        max_length=100,
        description=f"What there is a line for, with commas between: some of {', '.join(totals.GROUPS)}. "
        "Each currency has lines of its own.",
    ),
]


def router(snapshots: Snapshots) -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["entities"])

    @routes.get(
        "/totals",
        response_model=TotalsList,
        description="What was rung up, taken back and paid: the newest business day first, which is the "
        "day of the workspace's time zone where an event does not say it. Any other parameter is a filter: "
        f"`name=value` or `name.<comparison>=value`; names are {', '.join(totals.COLUMNS)}. Without days "
        "it reads all orders.",
    )
    def list_totals(request: Request, by: By = ALL_GROUPS, limit: Limit = 50, cursor: Cursor = None) -> Json:
        filters = paging.asked(request, "by")
        groups = sorted({one.strip() for one in by.split(",") if one.strip()})
        question = ["totals", groups, filters]
        after = paging.start(question, cursor)
        with snapshots.open() as snapshot, refused():
            found = totals.list_totals(
                snapshot.cursor,
                snapshot.plan.workspace,
                by=groups,
                filters=filters,
                after=after,
                limit=limit,
            )
            return paging.page(snapshot.cut, found.items, question, found.after)

    return routes
