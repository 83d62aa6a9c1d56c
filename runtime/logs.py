"""Structured logs: one line an event, for people or as JSON. No personal data: neither identifiers nor
bodies nor query strings are ever logged, and of an error that is not ours only its type and place are,
since its message may quote what it stumbled over."""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Literal, TextIO

import orjson

from kizuna.schemas import times
from kizuna.schemas.errors import KizunaError

_OF_KAFKA = ("kafka", "faust", "mode", "kizuna.processors.faust_app")
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}


class _Formatter(logging.Formatter):
    def __init__(self, *, whole_errors: bool) -> None:
        super().__init__()
        self._whole_errors = whole_errors

    def _error(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        return described(error, whole=self._whole_errors) if error else ""


class JsonFormatter(_Formatter):
    """`time`, `level`, `logger`, `message`, whatever the call gave as `extra`, and `error`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": times.text(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _extra(record)
        if error := self._error(record):
            line["error"] = error
        return orjson.dumps(line, default=str).decode()


class ConsoleFormatter(_Formatter):
    """Local time, level, message, and `extra` as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        extra = "".join(f" {name}={value}" for name, value in _extra(record).items())
        error = self._error(record)
        return f"{at} {level}{record.getMessage()}{extra}" + (f"\n{error}" if error else "")


def described(error: BaseException, *, whole: bool = False) -> str:
    """Type and place of an error; its message only when it is one of ours, of the machine, or `whole`."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(
        f"{frame.name} ({frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in frames[::-1]
    )
    name = type(error).__name__
    if whole or isinstance(error, KizunaError | OSError):
        name = f"{name}: {error}"
    return f"{name} in {places}" if places else name


def configure(level: str, form: Literal["console", "json"], stream: TextIO = sys.stderr) -> None:
    """Send every logger of the process to `stream`. Called once, by the process's entry."""
    handler = logging.StreamHandler(stream)
    whole_errors = level == "debug"
    handler.setFormatter(
        JsonFormatter(whole_errors=whole_errors)
        if form == "json"
        else ConsoleFormatter(whole_errors=whole_errors)
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    # uvicorn's access log would show query strings; httpx logs every request of the simulator, kafka every
    # step of a connection.
    for chatty in ("uvicorn", "uvicorn.error", "httpx", "httpcore", "asyncio", *_OF_KAFKA):
        logger = logging.getLogger(chatty)
        logger.handlers = []
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    # Seventy lines a second while a broker is away; `processors.group` says so once a try.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
