"""Routes of administrators: write keys, tokens, and the rebuild of the store."""

from __future__ import annotations

import threading
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field

from kizuna.processors.access import CredentialKind
from kizuna.processors.rebuild import rebuild
from kizuna.processors.services import Services
from kizuna.schemas.definitions import Name, Scope
from kizuna.schemas.envelope import Rights, ShortText

from .answers import Json, answer
from .errors import ApiError, not_found
from .examples import refusals
from .node_shapes import KeyList, NewKey, NewToken, Promoted, RebuildAnswer, Removed, TokenList
from .snapshots import Snapshots


class KeyRequest(BaseModel):
    """A write key to make."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "web"}]})

    name: Name
    rights: Rights = "secret"
    source: ShortText | None = Field(
        None, description="What it sends is of this source; the name unless given."
    )


class RebuildRequest(BaseModel):
    """With `verify`, the new store is compared with the live one, which stays where they differ."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"verify": True}]})

    verify: bool = False


class TokenRequest(BaseModel):
    """A token to make."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "dashboard", "scope": "read"}]}
    )

    name: Name
    scope: Scope = "read"


def router(snapshots: Snapshots, services: Services) -> APIRouter:
    routes = APIRouter(prefix="/api", tags=["access"])
    access = services.access

    @routes.get("/keys", response_model=KeyList)
    def list_keys() -> Json:
        """Write keys by name. The keys themselves are kept nowhere."""
        access.refresh()
        items = [
            {"name": name, "rights": key.rights, "source": key.source}
            for name, key in access.write_keys().items()
        ]
        return answer(snapshots.stand(), {"items": items})

    @routes.post("/keys", status_code=201, response_model=NewKey, responses=refusals(409))
    def create_key(wanted: KeyRequest) -> Json:
        """Make a write key. The answer shows it, once; it works at once."""
        source = wanted.source or wanted.name
        text = access.create_write_key(
            wanted.name, wanted.rights, source, services.new_secret(), services.new_id()
        )
        made = {"name": wanted.name, "rights": wanted.rights, "source": source, "key": text}
        return answer(snapshots.stand(), made, 201)

    @routes.delete("/keys/{name}", response_model=Removed, responses=refusals(404))
    def delete_key(name: str) -> Json:
        """Take a write key back. This node refuses it from now on, others within seconds."""
        return remove("write_key", name)

    @routes.get("/tokens", response_model=TokenList)
    def list_tokens() -> Json:
        """Tokens by name. The tokens themselves are kept nowhere."""
        access.refresh()
        items = [{"name": name, "scope": token.scope} for name, token in access.tokens().items()]
        return answer(snapshots.stand(), {"items": items})

    @routes.post(
        "/tokens",
        status_code=201,
        response_model=NewToken,
        responses=refusals(409),
    )
    def create_token(wanted: TokenRequest) -> Json:
        """Make a token. The answer shows it, once; it works at once."""
        text = access.create_token(wanted.name, wanted.scope, services.new_secret(), services.new_id())
        made = {"name": wanted.name, "scope": wanted.scope, "token": text}
        return answer(snapshots.stand(), made, 201)

    @routes.delete("/tokens/{name}", response_model=Removed, responses=refusals(404))
    def delete_token(name: str) -> Json:
        """Take a token back. This node refuses it from now on, others within seconds."""
        return remove("token", name)

    @routes.post("/promote", response_model=Promoted)
    def promote() -> Json:
        """Make this store the owner of its log, so that it takes events in. For data that was restored or
        copied, once the store it came from is stopped; the owner stays it."""
        return answer(snapshots.stand(), services.ownership.promote().model_dump())

    rebuilding = threading.Lock()

    @routes.post("/rebuild", response_model=RebuildAnswer, responses=refusals(409))
    def rebuild_store(wanted: Annotated[RebuildRequest, Body(default_factory=RebuildRequest)]) -> Json:
        """Fold the whole log into a new store beside the live one and put it in its place. The answer comes
        when that is done; questions are answered meanwhile. The body may be left out."""
        if not rebuilding.acquire(blocking=False):
            raise ApiError(409, "A rebuild is running.", hint="Wait for it.")
        try:
            report = rebuild(
                services.log,
                services.store,
                services.projector,
                services.workspace_key,
                verify=wanted.verify,
            )
        finally:
            rebuilding.release()
        return answer(snapshots.stand(), asdict(report))

    def remove(kind: CredentialKind, name: str) -> Json:
        access.refresh()
        held = access.write_keys() if kind == "write_key" else access.tokens()
        if name not in held:
            what: Literal["write key", "token"] = "write key" if kind == "write_key" else "token"
            raise not_found(what, snapshots.stand())
        access.remove(kind, name, services.new_id())
        return answer(snapshots.stand(), {"removed": name})

    return routes
