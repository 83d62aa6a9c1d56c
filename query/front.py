"""The front page, which takes no token and names nobody, and the index of the API, as plain HTML."""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Request
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.responses import HTMLResponse, Response

from kizuna.processors.rounds import Rounds
from kizuna.processors.services import Services

from .answers import headers
from .live import Lookout, bars
from .snapshots import Snapshots

# Everything comes from here: no foreign script, no inline one, no frame, no form.
SECURITY = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def environment() -> Environment:
    loaded = Environment(
        loader=FileSystemLoader(str(files("kizuna.query").joinpath("templates"))),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    loaded.filters["pretty"] = pretty
    loaded.filters["lead"] = lead
    loaded.globals["bars"] = bars
    return loaded


def router(services: Services, snapshots: Snapshots, app: FastAPI) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    templates = environment()
    lookout = Lookout(services, snapshots)
    look = Rounds(lookout.look, "lookout")

    async def page(name: str) -> HTMLResponse:
        live = lookout.fresh() or await look()
        html = templates.get_template(name).render(live=live, version=app.version)
        return HTMLResponse(html, headers={**SECURITY, **headers(live.cut)})

    @routes.get("/")
    async def front() -> HTMLResponse:
        return await page("front.html")

    @routes.get("/live")
    async def live() -> HTMLResponse:
        return await page("live.html")

    # Anybody may ask for these two again and again: they are made once.
    described = cache(lambda: orjson.dumps(app.openapi()))
    grouped = cache(lambda: operations(app))

    @lru_cache(maxsize=16)
    def written(address: str) -> str:
        template = templates.get_template("index.html")
        return template.render(address=address, groups=grouped(), version=app.version)

    @routes.get("/api")
    def index(request: Request) -> HTMLResponse:
        return HTMLResponse(written(address(request)), headers=SECURITY)

    @routes.get("/api/openapi.json")
    def openapi() -> Response:
        return Response(described(), media_type="application/json")

    return routes


def address(request: Request) -> str:
    """Where the asker reached this node, as text: the host is whatever was sent."""
    return f"{request.scope['scheme']}://{request.headers.get('host', '127.0.0.1:8080')}"


def operations(app: FastAPI) -> dict[str, list[dict[str, Any]]]:
    """What OpenAPI says of each operation, by the first of its tags."""
    groups: dict[str, list[dict[str, Any]]] = {}
    openapi = app.openapi()
    for path, methods in openapi["paths"].items():
        for method, said in methods.items():
            answers: dict[str, Any] = said["responses"]
            good: dict[str, Any] = next((answers[code] for code in ("200", "201") if code in answers), {})
            content: dict[str, Any] = next(iter(good.get("content", {}).values()), {})
            shown = {
                "method": method.upper(),
                "path": path,
                "body": _body(openapi, said),
                "example": content.get("example"),
            }
            groups.setdefault(said["tags"][0], []).append({**said, **shown})
    return groups


def _body(openapi: dict[str, Any], said: dict[str, Any]) -> object:
    """The example of the body that an operation takes; None where it takes none."""
    if "requestBody" not in said:
        return None
    reference: str = said["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return openapi["components"]["schemas"][reference.rpartition("/")[2]]["examples"][0]


def lead(text: str) -> str:
    """The first sentence, in one line."""
    return " ".join(text.split()).split(". ")[0].rstrip(".:")


def pretty(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
