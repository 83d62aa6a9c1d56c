"""Routes that repair failed events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Body, Query, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from kizuna.processors.repairs import Decision, Repairs, Report
from kizuna.projections.store import Cut
from kizuna.schemas.readmission import Repair
from kizuna.schemas.refusal import Refusal

from . import paging
from .answers import Json, answer
from .errors import ApiError, not_found, refused
from .examples import refusals
from .failed import FILTERS
from .shapes import RepairAnswer
from .snapshots import Snapshots


class RepairRequest(BaseModel):
    """What is done to the item before it passes the door again. With neither `patch` nor `item` it passes as
    it came, for what the door takes by now."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"patch": {"type": "order.completed"}, "dry_run": True}]},
    )

    patch: dict[str, Any] | None = Field(
        None, description="A JSON Merge Patch (RFC 7396): members take the place of the item's, null removes."
    )
    item: dict[str, Any] | None = Field(None, description="A whole event in place of the item.")
    new_id: bool = Field(False, description="Give the event a new id, where another event holds its own.")
    correct: bool = Field(
        False, description="Make a conflict a correction of the event that holds its id, not one beside it."
    )
    dry_run: bool = Field(False, description="Only say what would become of it.")

    @model_validator(mode="after")
    def _one_of(self) -> RepairRequest:
        if self.patch is not None and self.item is not None:
            raise ValueError("give patch or item, not both")
        return self

    def repair(self, now: datetime) -> Repair:
        return Repair(self.patch, self.item, self.new_id, now if self.correct else None)


Wanted = Annotated[RepairRequest, Body(default_factory=RepairRequest)]
Everything = Annotated[
    bool, Query(alias="all", description="Repair all there are: without it, name a filter.")
]


def router(snapshots: Snapshots, repairs: Repairs, clock: Callable[[], datetime]) -> APIRouter:
    routes = APIRouter(prefix="/api/failed-events", tags=["failed events"])

    @routes.post("/{failed_id}/repair", response_model=RepairAnswer, responses=refusals(404, 409))
    def repair_failed_event(failed_id: str, wanted: Wanted) -> Json:
        """Admit one failed event again, repaired. The answer says what became of it: refused, it stays as it
        was. 409 when it is repaired already."""
        report = repairs.repair_one(failed_id, wanted.repair(clock()), dry_run=wanted.dry_run)
        if report is None:
            raise not_found("failed event", snapshots.stand(), "GET /api/failed-events lists them.")
        return _answer(snapshots.stand(), report, dry_run=wanted.dry_run, whole=True)

    @routes.post(
        "/repair",
        response_model=RepairAnswer,
        description="Admit all failed events that pass the filters again, each repaired in the same way; "
        f"those that are refused stay as they were. {FILTERS}",
    )
    def repair_failed_events(request: Request, wanted: Wanted, everything: Everything = False) -> Json:
        filters = paging.asked(request, "all")
        if not filters and not everything:
            raise ApiError(
                422, "This would repair all failed events.", hint="Name a filter, or say all=true."
            )
        with refused():
            report = repairs.repair_all(filters, wanted.repair(clock()), dry_run=wanted.dry_run)
        return _answer(snapshots.stand(), report, dry_run=wanted.dry_run, whole=False)

    return routes


def _answer(cut: Cut, report: Report, *, dry_run: bool, whole: bool) -> Json:
    return answer(
        cut,
        {
            "accepted": report.accepted,
            "refused": report.refused.total(),
            "dry_run": dry_run,
            "folded": report.folded,
            "reasons": [
                {"code": one.code, "path": one.path, "reason": one.reason, "failed_events": number}
                for one, number in report.refused.most_common()
            ],
            "results": [_result(one, whole=whole) for one in report.decisions],
        },
    )


def _result(one: Decision, *, whole: bool) -> dict[str, object]:
    failed_id, outcome = one
    result = {
        "id": failed_id,
        "code": "accepted",
        "path": None,
        "reason": None,
        "event_id": None,
        "event": None,
    }
    if isinstance(outcome, Refusal):
        return result | {"code": outcome.code, "path": outcome.path, "reason": outcome.reason}
    return result | {
        "event_id": outcome.event_id,
        "event": orjson.Fragment(outcome.value) if whole else None,
    }
