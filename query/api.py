"""The HTTP API: every route, behind tokens, with one shape of errors and one of pages."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from typing import Any

from fastapi import Depends, FastAPI
from prometheus_client import CollectorRegistry
from starlette.staticfiles import StaticFiles

from kizuna.processors.corrections import Corrections
from kizuna.processors.repairs import Repairs
from kizuna.processors.services import Services
from kizuna.processors.turns import Turns

from . import (
    admin,
    auth,
    corrections,
    entities,
    errors,
    events,
    failed,
    front,
    health,
    master,
    profiles,
    repairs,
    system,
)
from .door import Door
from .examples import illustrate, refusals
from .limits import Limits
from .metrics import Node, Requests
from .snapshots import Snapshots

ABOUT = """\
Profiles, timelines, orders, tickets, deals and statistics of a Kizuna node.

Every answer carries the time it is true of (`as_of`) and how far the log was folded (`positions`), in the
headers `X-Kizuna-As-Of` and `X-Kizuna-Position` too. Amounts are decimal text, times are UTC. Lists go on
with `next_cursor`. Errors are `{"error": {"code", "message", "hint"}}`. Everything under `/api` but this
document takes a token: `Authorization: Bearer TOKEN`.
"""


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        if not self.openapi_schema:
            illustrate(super().openapi())
        assert self.openapi_schema is not None
        return self.openapi_schema


def create_app(services: Services, limits: Limits | None = None) -> FastAPI:
    """The application. It opens nothing, and keeps nothing that the store or the log does not have. It serves
    one event loop."""
    snapshots = Snapshots(services.store)
    registry = CollectorRegistry()
    registry.register(Node(services))
    app = _Api(
        title="Kizuna",
        description=ABOUT,
        version=version("kizuna"),
        openapi_url=None,  # the front serves it, made once,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation,
    )
    app.add_middleware(errors.Guard)
    app.add_middleware(Door, access=services.access, limits=limits or Limits())
    app.add_middleware(Requests, registry=registry)
    errors.install(app, snapshots.stand)
    read = [Depends(auth.require(services.access, "read"))]
    for routes in (
        profiles.router(snapshots, services.workspace_key),
        entities.router(snapshots),
        master.router(snapshots),
        failed.router(snapshots, services.log),
        events.router(snapshots),
        system.router(snapshots, services.log, services.ownership),
    ):
        app.include_router(routes, dependencies=read, responses=refusals(401, 422))
    turns = Turns(services.log, services.store, services.projector)
    repairing = Repairs(turns, services.log, services.workspace_key)
    correcting = Corrections(turns, services.log, services.workspace_key, services.clock, services.new_id)
    for routes in (
        admin.router(snapshots, services),
        repairs.router(snapshots, repairing, services.clock),
        corrections.router(snapshots, correcting, services.access),
    ):
        app.include_router(
            routes,
            dependencies=[Depends(auth.require(services.access, "admin"))],
            responses=refusals(401, 403, 422, 503),
        )
    app.include_router(health.router(snapshots, services, registry))
    app.include_router(front.router(services, snapshots, app))
    app.mount("/static", StaticFiles(directory=str(files("kizuna.query").joinpath("static"))), name="static")
    return app


def _operation(route: Any) -> str:
    """Operations are named after their functions."""
    name: str = route.name
    return name
