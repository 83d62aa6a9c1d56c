"""Routes about the node itself: status, statistics, definitions, schemas."""

from __future__ import annotations

from functools import cache
from typing import Any

from fastapi import APIRouter

from kizuna.eventlog.port import EventLog
from kizuna.processors.ownership import Ownership
from kizuna.projections import quality, revenue, statistics
from kizuna.projections.definitions import read
from kizuna.schemas import examples as submissions
from kizuna.schemas.custom import CustomEvent
from kizuna.schemas.jsonschemas import documents
from kizuna.schemas.payload import MODELS, Payload

from .answers import Json, answer
from .node_shapes import DefinitionList, SchemaList, StatisticsAnswer, StatusAnswer
from .snapshots import Snapshots
from .status import status

CUSTOM = "custom.quiz_finished"

SECRET = ("sha256",)
"""What a definition holds that is nobody's business: hashes of keys."""


def router(snapshots: Snapshots, log: EventLog, ownership: Ownership) -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["node"])

    @routes.get("/status", response_model=StatusAnswer)
    def read_status() -> Json:
        """What there is, how far the fold is, and that the records of the log add up."""
        bounds = log.bounds()
        with snapshots.open() as snapshot:
            return answer(snapshot.cut, status(snapshot, bounds, ownership))

    @routes.get("/stats", response_model=StatisticsAnswer)
    def read_statistics() -> Json:
        """Counts and money over everything, and what looks wrong. It reads all events: ask now and then."""
        with snapshots.open() as snapshot:
            cursor, workspace = snapshot.cursor, snapshot.plan.workspace
            return answer(
                snapshot.cut,
                {
                    **statistics.counts(cursor),
                    "workspace": workspace.model_dump(),
                    "by_type": statistics.by_type(cursor),
                    "by_source": statistics.by_source(cursor),
                    "by_day": statistics.by_day(cursor, workspace),
                    "orders": {
                        "by_currency": revenue.by_currency(cursor),
                        "by_day": revenue.by_day(cursor, workspace),
                    },
                    "warnings": quality.warnings(cursor, snapshot.plan),
                },
            )

    @routes.get("/definitions", response_model=DefinitionList)
    def list_definitions() -> Json:
        """The definitions in force: traits, workspace, write keys, tokens; and those that are `pending`,
        because what they need is still computed. A pending one with a body of null takes back."""
        with snapshots.open() as snapshot:
            held = read(snapshot.cursor)
            shown = [(one, False) for one in held.current.values()] + [(one, True) for one in held.pending]
            return answer(
                snapshot.cut,
                {
                    "items": [
                        {
                            "kind": one.kind,
                            "name": one.name,
                            "layer": one.layer,
                            "pending": waits,
                            "received_at": one.received_at,
                            "body": one.body and {k: v for k, v in one.body.items() if k not in SECRET},
                        }
                        for one, waits in sorted(
                            shown, key=lambda its: (its[0].kind, its[0].name, its[1], its[0].layer)
                        )
                    ]
                },
            )

    @routes.get("/schemas", response_model=SchemaList)
    def list_schemas() -> Json:
        """Every event type with the JSON Schema of its properties and an example."""
        return answer(snapshots.stand(), {"items": catalogue()})

    return routes


@cache
def catalogue() -> list[dict[str, Any]]:
    """By type; types of one's own last."""
    schemas = documents()
    known = [(name, name, f"{name}.v{model.VERSION}", model) for name, model in sorted(MODELS.items())]
    custom: type[Payload] = CustomEvent
    return [
        {
            "type": name,
            "version": model.VERSION,
            "public": model.PUBLIC,
            "entity": model.ENTITY,
            "schema": schemas[schema],
            "example": submissions.example(shown),
        }
        for name, shown, schema, model in [*known, ("custom.<name>", CUSTOM, "custom.v1", custom)]
    ]
