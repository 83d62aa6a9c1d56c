"""Who may ask: bearer tokens with a scope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from kizuna.processors.access import Access
from kizuna.schemas.definitions import Scope, Token

from .errors import ApiError

BEARER = HTTPBearer(auto_error=False, description="A token: `kizuna tokens create NAME --scope read`.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]

UNKNOWN = "This token is not known."
HINT = "Send `Authorization: Bearer TOKEN`; `kizuna tokens create NAME` makes a token."


OWN = "admin"
"""How a node's own token is called, which the commands ask with."""


MAY: dict[Scope, str] = {
    "lookup": "may ask POST /api/profiles/lookup alone",
    "read": "may only ask",
    "admin": "may do everything",
}


def actor(access: Access) -> Callable[[Credentials], dict[str, object]]:
    """A dependency, behind `require`: who asks, as an event says it, by the name of the token."""

    def tell(credentials: Credentials) -> dict[str, object]:
        name = access.token_name(credentials.credentials) if credentials else None
        return {"kind": "staff", "id": name or OWN}

    return tell


def require(access: Access, scope: Scope) -> Callable[[Credentials], Token]:
    """A dependency that lets through who holds a token of `scope` or a wider one, and hands it on."""

    def check(credentials: Credentials) -> Token:
        if credentials is None:
            raise ApiError(401, "This takes a token.", hint=HINT)
        token = access.token(credentials.credentials)
        if token is None:
            raise ApiError(401, UNKNOWN, hint=HINT)
        if not token.may(scope):
            raise ApiError(
                403,
                f"This takes a token of scope {scope}; yours, of scope {token.scope}, {MAY[token.scope]}.",
                hint=f"`kizuna tokens create NAME --scope {scope}` makes one.",
            )
        return token

    return check
