"""What keeps a request from being answered with 200: one shape for every error over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from kizuna.processors.buckets import whole_seconds

Headers = Sequence[tuple[bytes, bytes]]


class Problem(Exception):
    """`message` says what is wrong and `hint` what to do. `closing` ends the connection with the answer,
    because the rest of the request is not read."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str = "",
        *,
        headers: Headers = (),
        closing: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.hint = hint
        self.headers = (*headers, (b"connection", b"close")) if closing else tuple(headers)

    def body(self) -> bytes:
        return orjson.dumps({"error": {"code": self.code, "message": str(self), "hint": self.hint}})


def retry_later(code: str, message: str, *, closing: bool = False) -> Problem:
    """503: nothing was promised, and a retry is safe when items carry a message_id."""
    return Problem(
        503,
        code,
        message,
        "Send it again: what was kept already counts as a duplicate, where items carry a message_id.",
        headers=[(b"retry-after", b"1")],
        closing=closing,
    )


def slow_down(wait: float, message: str) -> Problem:
    """429: nothing was kept. `wait` is in seconds."""
    seconds = whole_seconds(wait)
    return Problem(
        429,
        "rate_limited",
        message,
        f"Nothing of this request was kept. Send it again in {seconds} s.",
        headers=[(b"retry-after", b"%d" % seconds), (b"access-control-expose-headers", b"retry-after")],
    )
