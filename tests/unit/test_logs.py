"""Logs: one line an event, and nothing personal from errors that quote what they stumbled over."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Literal

import orjson
import pytest

from kizuna.runtime import logs
from kizuna.schemas.errors import LogUnavailable

MAIL = "hanako.sato@example.com"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def logged(level: str, form: Literal["console", "json"], error: Exception) -> str:
    stream = io.StringIO()
    logs.configure(level, form, stream)
    try:
        raise error
    except Exception:
        logging.getLogger("test").exception("it failed", extra={"batch": 3})
    return stream.getvalue()


def test_json_is_one_object_a_line() -> None:
    text = logged("info", "json", LogUnavailable("The disk is full.", hint="Free space."))
    assert text.count("\n") == 1
    line = orjson.loads(text)
    assert (line["level"], line["logger"], line["message"], line["batch"]) == (
        "error",
        "test",
        "it failed",
        3,
    )
    assert line["error"].startswith("LogUnavailable: The disk is full. Free space. in logged (test_logs.py:")
    assert line["time"].endswith("Z")


@pytest.mark.parametrize("form", ["console", "json"])
def test_what_a_foreign_error_quotes_is_not_logged(form: Literal["console", "json"]) -> None:
    text = logged("info", form, ValueError(f"cannot convert {MAIL}"))
    assert MAIL not in text
    assert "ValueError in logged (test_logs.py:" in text
    assert MAIL in logged("debug", form, ValueError(f"cannot convert {MAIL}"))


def test_errors_of_the_machine_are_whole() -> None:
    assert "No space left" in logged("info", "console", OSError(28, "No space left on device"))


def test_requests_are_not_logged() -> None:
    stream = io.StringIO()
    logs.configure("info", "console", stream)
    logging.getLogger("httpx").info("GET /?email=%s", MAIL)
    logging.getLogger("uvicorn.error").info("started")
    logging.getLogger("kizuna").info("listening", extra={"address": "x"})
    assert stream.getvalue().split(" ", 1)[1] == "listening address=x\n"
