"""The write key in a request's headers."""

from __future__ import annotations

import base64
import binascii

from .problem import Problem

_ADVICE = (
    "Make one with `kizuna keys create NAME`, and send it as `Authorization: Bearer <key>`, as the user name "
    "of Basic authentication, or as `X-Write-Key: <key>`."
)


def presented_key(authorization: bytes, write_key: bytes) -> str:
    """The key as sent in `Authorization` or `X-Write-Key`. Raises Problem (401) when there is none."""
    if write_key:
        return write_key.decode("latin-1").strip()
    scheme, _, value = authorization.decode("latin-1").strip().partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return value.strip()
    if scheme.lower() == "basic":
        try:
            name = base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            raise unauthorized("The Basic credentials cannot be read.") from None
        if name:
            return name
    raise unauthorized("There is no write key.")


def unauthorized(message: str) -> Problem:
    """401: who sends this is not known."""
    return Problem(401, "unauthorized", message, _ADVICE, headers=[(b"www-authenticate", b"Bearer")])
