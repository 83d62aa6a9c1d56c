"""Errors as the API tells them: one shape, `{"error": {"code", "message", "hint"}}`, whatever went wrong."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kizuna.projections.store import Cut
from kizuna.schemas.errors import ConfigurationError, KizunaError, StoreUnavailable, TransientError

from .answers import Json, headers

logger = logging.getLogger(__name__)

CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "invalid",
    422: "invalid",
    429: "rate_limited",
    500: "internal",
    503: "unavailable",
}
RETRY_AFTER = {"retry-after": "1"}


class ApiError(Exception):
    """A request that is answered with an error. `cut` is where the store stood, where it depends on that."""

    def __init__(
        self, status: int, message: str, *, hint: str = "", code: str = "", cut: Cut | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.hint = hint
        self.code = code or CODES[status]
        self.cut = cut


def not_found(what: str, cut: Cut, hint: str = "") -> ApiError:
    return ApiError(404, f"There is no such {what}.", hint=hint, cut=cut)


@contextmanager
def refused() -> Iterator[None]:
    """What a named query refuses is the asker's error."""
    try:
        yield
    except ValueError as error:
        raise ApiError(422, f"{error}.") from None


def body(code: str, message: str, hint: str = "") -> dict[str, object]:
    return {"error": {"code": code, "message": message, "hint": hint}}


def install(app: FastAPI, stand: Callable[[], Cut]) -> None:
    """Answer every error in the one shape, with the position and time that `stand` tells."""

    def respond(
        status: int,
        message: str,
        hint: str = "",
        *,
        code: str = "",
        cut: Cut | None = None,
        more: dict[str, str] | None = None,
    ) -> Response:
        said = body(code or CODES.get(status, "invalid"), message, hint)
        try:
            standing = headers(cut or stand())
        except StoreUnavailable:
            standing = {}  # it may be the very error to tell
        return Json(said, status, {**standing, **(more or {})})

    # Handlers are plain functions, as the store must not be read on the event loop.
    def api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        more = {"www-authenticate": "Bearer"} if error.status == 401 else None
        return respond(error.status, error.message, error.hint, code=error.code, cut=error.cut, more=more)

    def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        more = dict(error.headers or {})
        if error.status_code == 404:
            return respond(404, f"There is nothing at {request.url.path}.", "GET /api lists the routes.")
        if error.status_code == 405:
            message = f"{request.method} is not possible here."
            return respond(405, message, f"Use {more.get('Allow', 'another method')}.", more=more)
        return respond(error.status_code, str(error.detail), more=more)

    def validation_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]  # its input stays out: it may be personal
        where = ".".join(str(part) for part in first["loc"])
        return respond(422, f"{where}: {first['msg']}.", "GET /api/openapi.json says what is expected.")

    def kizuna_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, KizunaError)
        message = str(error).removesuffix(error.hint).strip()
        if isinstance(error, ConfigurationError):
            return respond(409, message, error.hint)
        retry = RETRY_AFTER if isinstance(error, TransientError) else None
        return respond(503, message, error.hint, more=retry)

    app.add_exception_handler(ApiError, api_error)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(RequestValidationError, validation_error)
    app.add_exception_handler(KizunaError, kizuna_error)


class Guard:
    """Answers what nobody caught with a plain 500. The message of such an error may repeat personal data:
    what is logged is where it happened."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            where = " < ".join(
                f"{frame.filename}:{frame.lineno}"
                for frame in traceback.extract_tb(error.__traceback__)[:-6:-1]
            )
            logger.error("a request failed: %s at %s", type(error).__name__, where)
            if not started:
                said = body("internal", "Something went wrong here.", "The node's log says where.")
                await Json(said, 500)(scope, receive, send)
