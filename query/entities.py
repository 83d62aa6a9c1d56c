"""Routes of entities: orders, tickets, deals, visits, contracts and tasks, alike."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from kizuna.projections import listings, profiles
from kizuna.projections.entities import BY_KIND, MODELS
from kizuna.projections.selection import SIGNS

from . import paging
from .answers import Json, answer
from .errors import not_found, refused
from .examples import refusals
from .paging import Cursor, Limit
from .shapes import ENTITY_ANSWERS, ENTITY_LISTS
from .snapshots import Snapshot, Snapshots

Person = Annotated[UUID | None, Query(description="Only those of this person.")]
Company = Annotated[UUID | None, Query(description="Only those of this company.")]


def router(snapshots: Snapshots) -> APIRouter:
    routes = APIRouter(prefix="/api")
    for model in MODELS:
        _add(routes, snapshots, model.kind)
    return routes


def _add(routes: APIRouter, snapshots: Snapshots, kind: str) -> None:
    plural = BY_KIND[kind].table
    columns = ", ".join(listings.columns(BY_KIND[kind]))

    def list_entities(
        request: Request,
        profile_id: Person = None,
        company_profile_id: Company = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Json:
        filters = paging.asked(request, "profile_id", "company_profile_id")
        question = [kind, filters, profile_id, company_profile_id]
        after = paging.start(question, cursor)
        with snapshots.open() as snapshot, refused():
            found = listings.list_entities(
                snapshot.cursor,
                kind,
                filters=filters,
                owners=_subjects(snapshot, profile_id),
                companies=_subjects(snapshot, company_profile_id),
                after=after,
                limit=limit,
            )
            return paging.page(snapshot.cut, found.items, question, found.after)

    def read_entity(entity_id: UUID) -> Json:
        with snapshots.open() as snapshot:
            found = listings.read_entity(snapshot.cursor, kind, entity_id)
            if found is None:
                raise not_found(kind, snapshot.cut, f"GET /api/{plural}?id=... finds one by the sender's id.")
            return answer(snapshot.cut, found)

    routes.add_api_route(
        f"/{plural}",
        list_entities,
        methods=["GET"],
        name=f"list_{plural}",
        summary=f"List {plural.capitalize()}",
        description=f"{plural.capitalize()}, the newest by their own date first. Any other parameter is a "
        f"filter: `name=value` or `name.<comparison>=value` with {', '.join(SIGNS)}; names are {columns}.",
        tags=["entities"],
        response_model=ENTITY_LISTS[kind],
    )
    routes.add_api_route(
        f"/{plural}/{{entity_id}}",
        read_entity,
        methods=["GET"],
        name=f"read_{kind}",
        summary=f"Read {kind.capitalize()}",
        description=f"One {kind} by its entity_id, with its history"
        + (", its lines and the ledger of its movements." if kind == "order" else "."),
        tags=["entities"],
        response_model=ENTITY_ANSWERS[kind],
        responses=refusals(404),
    )


def _subjects(snapshot: Snapshot, profile_id: UUID | None) -> list[int] | None:
    """None where nobody was asked for; of a profile that is not known, nobody."""
    if profile_id is None:
        return None
    return [one.number for one in profiles.resolve(snapshot.cursor, profile_id)]
