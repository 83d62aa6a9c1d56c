"""Routes of profiles: one by id, lists, search, timelines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.exceptions import HTTPException

from kizuna.projections import profiles, roster, timeline
from kizuna.projections.roster import Question

from . import cursor, paging
from .answers import Json, answer
from .errors import not_found, refused
from .examples import refusals
from .paging import Cursor, Limit
from .shapes import Of, ProfileAnswer, ProfileList, Timeline
from .snapshots import Snapshots

HINT = "Look it up by an identifier, or search."

Has = Annotated[
    list[str], Query(description="Only profiles with an identifier of this kind; may be repeated.")
]
OfWhom = Annotated[Of, Query(description="Persons or companies.")]
Sort = Annotated[str, Query(description="first_seen, last_seen or trait.<name> of a number or time.")]
Direction = Annotated[Literal["asc", "desc"], Query(description="Missing values are last either way.")]
Types = Annotated[list[str], Query(alias="type", description="Only events of this type; may be repeated.")]
GivenCursor = Annotated[str, StringConstraints(max_length=cursor.MAX_LENGTH)] | None

LIST = "those last seen first unless `sort` and `order` say otherwise. "
FILTERS = (
    "Any other parameter is a filter: `trait.<name>=value` or `trait.<name>.<comparison>=value`, also for "
    "`first_seen` and `last_seen`; comparisons are eq, ne, gt, gte, lt, lte. `trait.orders_count.gte=2`."
)


class Search(BaseModel):
    """Words that must each be in an identifier or a name."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"query": "hanako"}]})

    query: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    of: Of = "person"
    limit: Annotated[int, Field(ge=1, le=paging.MAX_LIMIT)] = 50
    cursor: GivenCursor = None


def router(snapshots: Snapshots) -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["profiles"])

    @routes.post("/profiles/search", response_model=ProfileList)
    def search_profiles(search: Search) -> Json:
        """Profiles by words in their identifiers and names; the closest first."""
        question = ["search", search.of, search.query]
        after = paging.start(question, search.cursor)
        with snapshots.open() as snapshot, refused():
            found = roster.search_profiles(
                snapshot.cursor, snapshot.plan, search.of, search.query, after, search.limit
            )
            return paging.page(snapshot.cut, found.items, question, found.after)

    @routes.get("/profiles/lookup", include_in_schema=False)
    @routes.get("/profiles/search", include_in_schema=False)
    def post_instead() -> None:
        """Else these two would be taken for ids of profiles."""
        raise HTTPException(405, headers={"Allow": "POST"})

    @routes.get("/profiles", response_model=ProfileList, description=f"Profiles, {LIST}{FILTERS}")
    def list_profiles(
        request: Request,
        of: OfWhom = "person",
        has: Has = [],  # noqa: B006 FastAPI copies it
        sort: Sort = "last_seen",
        order: Direction = "desc",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Json:
        filters = paging.asked(request, "of", "has", "sort", "order")
        return _list(Question(of, tuple(has), filters, sort, order == "desc"), limit, cursor)

    @routes.get("/companies", response_model=ProfileList, description=f"Companies, {LIST}{FILTERS}")
    def list_companies(
        request: Request,
        sort: Sort = "last_seen",
        order: Direction = "desc",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Json:
        filters = paging.asked(request, "sort", "order")
        return _list(Question("company", (), filters, sort, order == "desc"), limit, cursor)

    @routes.get("/profiles/{profile_id}", response_model=ProfileAnswer, responses=refusals(404))
    def read_profile(profile_id: UUID) -> Json:
        """A profile by its id. A former id leads to the profile that has it now; `id` then is another."""
        with snapshots.open() as snapshot:
            found = profiles.read_profile(snapshot.cursor, snapshot.plan, profile_id)
            if found is None:
                raise not_found("profile", snapshot.cut, HINT)
            return answer(snapshot.cut, {**found})

    @routes.get("/profiles/{profile_id}/timeline", response_model=Timeline, responses=refusals(404))
    def read_timeline(
        profile_id: UUID,
        types: Types = [],  # noqa: B006 FastAPI copies it
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Json:
        """The events of a profile, newest first, with those of nobody that belong to an order, ticket, deal
        or visit of it."""
        question: list[object] = ["timeline", profile_id.hex, sorted(types)]
        after = _moment(question, cursor)
        with snapshots.open() as snapshot:
            subjects = profiles.resolve(snapshot.cursor, profile_id)
            if not subjects:
                raise not_found("profile", snapshot.cut, HINT)
            numbers = [one.number for one in subjects]
            found = timeline.timeline(
                snapshot.cursor, subjects[0].of, numbers, types=types, after=after, limit=limit
            )
            return answer(
                snapshot.cut, {"items": found.items, "next_cursor": _following(question, found.after)}
            )

    def _list(question: Question, limit: int, given: str | None) -> Json:
        asked = [question.of, question.has, question.filters, question.sort, question.descending]
        after = paging.start(asked, given)
        with snapshots.open() as snapshot, refused():
            found = roster.list_profiles(snapshot.cursor, snapshot.plan, question, after, limit)
            return paging.page(snapshot.cut, found.items, asked, found.after)

    return routes


def _following(question: list[object], after: timeline.Moment | None) -> str | None:
    if after is None:
        return None
    return cursor.encode(
        question, [after.occurred_at.isoformat(), after.received_at.isoformat(), after.event_id.hex]
    )


def _moment(question: list[object], given: str | None) -> timeline.Moment | None:
    if given is None:
        return None
    with refused():
        occurred_at, received_at, event_id = (part or "" for part in cursor.decode(question, given, 3))
        return timeline.Moment(
            datetime.fromisoformat(occurred_at), datetime.fromisoformat(received_at), UUID(event_id)
        )
