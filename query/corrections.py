"""Routes that correct events and take them out, and undo that."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Body, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kizuna.processors.access import Access
from kizuna.processors.corrections import Act, Corrections, Outcome
from kizuna.schemas.envelope import EntityKind
from kizuna.schemas.identifiers import COMPANY, normalise

from .answers import Json, answer
from .auth import actor
from .errors import ApiError, not_found, refused
from .events import NO_EVENT, NO_IMPORT
from .examples import refusals
from .shapes import CorrectionAnswer
from .snapshots import Snapshots

Who = dict[str, object]
"""The actor of an event."""


class Retract(BaseModel):
    """Why; it stays in the log."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "rung up twice"}]})

    reason: Annotated[str, StringConstraints(min_length=1, max_length=10_000)] | None = None
    dry_run: bool = Field(False, description="Only say what would become of it.")

    def act(self, by: Who) -> Act:
        return Act(by, self.reason, self.dry_run)


class Correct(Retract):
    """What was told wrong, and how it was."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"patch": {"properties": {"total": "1200"}}, "reason": "misread"}]},
    )

    patch: dict[str, Any] = Field(
        description="A JSON Merge Patch (RFC 7396) for the event as a client would send it."
    )


Wanted = Annotated[Retract, Body(default_factory=Retract)]
Namespace = Annotated[
    str | None,
    Query(min_length=1, max_length=200, description="Where the id counts once; a company has none."),
]


def router(snapshots: Snapshots, corrections: Corrections, access: Access) -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["corrections"])
    asking = Depends(actor(access))

    def answered(outcome: Outcome | None, act: Act, what: str, hint: str) -> Json:
        if outcome is None:
            raise not_found(what, snapshots.stand(), hint)
        return answer(
            snapshots.stand(),
            {
                "events": [] if act.dry_run else [one.event_id for one in outcome.events],
                "event": orjson.Fragment(outcome.events[0].value),
                "taken_out": outcome.taken_out,
                "restored": outcome.restored,
                "replaced": outcome.replaced,
                "dry_run": act.dry_run,
                "folded": outcome.folded,
            },
        )

    @routes.post("/events/{event_id}/correct", response_model=CorrectionAnswer, responses=refusals(404, 409))
    def correct_event(event_id: UUID, wanted: Correct, who: Who = asking) -> Json:
        """Take out an event, and let a corrected one stand in its place, under an id of its own. 409 when it
        does not count, 422 when the door refuses the corrected one."""
        act = wanted.act(who)
        with refused():
            outcome = corrections.correct_event(event_id, wanted.patch, act)
        return answered(outcome, act, "event", NO_EVENT)

    @routes.post("/events/{event_id}/retract", response_model=CorrectionAnswer, responses=refusals(404, 409))
    def retract_event(event_id: UUID, wanted: Wanted, who: Who = asking) -> Json:
        """Take an event out of every state and history; a retraction or correction is undone so. 409 when it
        does not count."""
        act = wanted.act(who)
        with refused():
            outcome = corrections.retract_event(event_id, act)
        return answered(outcome, act, "event", NO_EVENT)

    @routes.post(
        "/entities/{entity}/{id:path}/retract", response_model=CorrectionAnswer, responses=refusals(404, 409)
    )
    def retract_entity(
        entity: EntityKind, id: str, wanted: Wanted, namespace: Namespace = None, who: Who = asking
    ) -> Json:
        """Take out all events that name an entity, by the sender's id and the namespace that the entity's own
        answer tells. What comes later and names it counts."""
        act = wanted.act(who)
        if entity == COMPANY:
            namespace = ""
        elif namespace is None:
            raise ApiError(
                422,
                "The namespace is missing: query parameter `namespace`, or option --namespace.",
                hint="It is the source, unless the event named another.",
            )
        with refused():
            named = normalise(COMPANY, id) if entity == COMPANY else id
            outcome = corrections.retract_entity(entity, namespace, named, act)
        return answered(outcome, act, entity, "Is it of another namespace?")

    @routes.post("/imports/{import_id}/undo", response_model=CorrectionAnswer, responses=refusals(404, 409))
    def undo_import(import_id: str, wanted: Wanted, who: Who = asking) -> Json:
        """Take out all events that an import brought. 409 when it is undone."""
        act = wanted.act(who)
        with refused():
            outcome = corrections.undo_import(import_id, act)
        return answered(outcome, act, "import", NO_IMPORT)

    @routes.post("/imports/{import_id}/redo", response_model=CorrectionAnswer, responses=refusals(404, 409))
    def redo_import(import_id: str, wanted: Wanted, who: Who = asking) -> Json:
        """Put back an import that was undone. 409 when it is not."""
        act = wanted.act(who)
        with refused():
            outcome = corrections.redo_import(import_id, act)
        return answered(outcome, act, "import", NO_IMPORT)

    return routes
