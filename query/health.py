"""Routes for those who watch the node: liveness, readiness, metrics. They take no token and name nobody."""

from __future__ import annotations

from fastapi import APIRouter
from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from kizuna.processors.services import Services
from kizuna.schemas.errors import KizunaError

from .answers import Json, headers
from .errors import RETRY_AFTER, body
from .snapshots import Snapshots
from .status import lag


def router(snapshots: Snapshots, services: Services, registry: CollectorRegistry) -> APIRouter:
    routes = APIRouter(tags=["health"])
    projector = services.projector

    @routes.get("/health", responses=_example({"status": "alive"}))
    async def health() -> Json:
        """The process answers. It asks nothing else, so that a busy node is not taken for a dead one."""
        return Json({"status": "alive"})

    @routes.get("/ready", responses=_example({"status": "ready", "lag": 0}))
    def ready() -> Json:
        """200 once the fold has caught up with the log for the first time; 503 with the reason before, and
        when the fold has stopped."""
        if projector.failure is not None:
            reason = (
                str(projector.failure)
                if isinstance(projector.failure, KizunaError)
                else type(projector.failure).__name__
            )
            said = body("unavailable", f"The projector stopped: {reason}", "Run `kizuna doctor`.")
            return Json(said, 503, headers(snapshots.stand()))
        cut = snapshots.stand()
        behind = lag(cut, services.log.bounds())
        if not projector.caught_up.is_set():
            said = body("unavailable", f"The fold has yet to catch up: {behind} records to go.", "Wait.")
            return Json(said, 503, {**headers(cut), **RETRY_AFTER})
        return Json({"status": "ready", "lag": behind}, headers=headers(cut))

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"example": "kizuna_events 1204"}}}},
    )
    def metrics() -> Response:
        """For Prometheus: of the store and the API, then of collector, connections and process."""
        told = generate_latest(registry) + generate_latest(REGISTRY)
        return Response(told, headers={"content-type": CONTENT_TYPE_LATEST})

    return routes


def _example(content: dict[str, object]) -> dict[int | str, dict[str, object]]:
    return {200: {"content": {"application/json": {"example": content}}}}
