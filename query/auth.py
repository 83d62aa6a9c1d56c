"""Who may ask: bearer tokens with a scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from kizuna.processors.access import Access
from kizuna.schemas.definitions import Scope

from .errors import ApiError

BEARER = HTTPBearer(auto_error=False, description="A token: `kizuna tokens create NAME --scope read`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]

HINT = "Send `Authorization: Bearer TOKEN`; `kizuna tokens create NAME` makes a token."


OWN = "admin"
"""How a node's own token is called, which the commands ask with."""


def actor(access: Access) -> Callable[[Credentials], dict[str, object]]:
    """A dependency, behind `require`: who asks, as an event says it, by the name of the token."""

    def tell(credentials: Credentials) -> dict[str, object]:
        name = access.token_name(credentials.credentials) if credentials else None
        return {"kind": "staff", "id": name or OWN}

    return tell


def require(access: Access, scope: Scope) -> Callable[[Credentials], None]:
    """A dependency that lets through who holds a token of `scope`; admin includes read."""

    def check(credentials: Credentials) -> None:
        if credentials is None:
            raise ApiError(401, "This takes a token.", hint=HINT)
        token = access.token(credentials.credentials)
        if token is None:
            raise ApiError(401, "This token is not known.", hint=HINT)
        if scope == "admin" and token.scope != "admin":
            raise ApiError(
                403,
                "This takes a token of scope admin.",
                hint="`kizuna tokens create NAME --scope admin` makes one.",
            )

    return check
