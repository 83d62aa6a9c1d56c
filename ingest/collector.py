"""The collector: `POST /v1/events`, a bare ASGI application. 200 means that everything is durable."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import nullcontext
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson

from kizuna.eventlog.port import EventLog
from kizuna.eventlog.topics import FAILED_EVENTS, TOUCHPOINTS
from kizuna.processors.access import Access
from kizuna.processors.buckets import Buckets
from kizuna.processors.presented import Presented
from kizuna.processors.projector import Projector
from kizuna.schemas.admission import Accepted, Origin
from kizuna.schemas.definitions import WriteKey
from kizuna.schemas.envelope import Rights
from kizuna.schemas.errors import LogUnavailable
from kizuna.schemas.refusal import Refusal

from . import metrics
from .appender import Appender
from .aside import Aside
from .body import Disconnected, Intake, Limits, Receive
from .credentials import presented_key, unauthorized
from .folded import Folded
from .items import Items, parse
from .outcome import Outcome, decide, gather, without_ids
from .problem import Problem, retry_later, slow_down
from .query_string import Options, parse_options
from .quota import Quota, sender

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]

PATH = "/v1/events"
TURN_SECONDS = 0.002
"""How long items are admitted before other requests get their turn."""

ASIDE_BYTES = 128 << 10
"""A longer body is read and admitted aside: one item of it could hold up everybody."""

READ_BYTES = 16 << 10
"""A body up to this length is read also where its key may send nothing now: so the answer can tell how long
these events have to wait."""

REFUSED_ASIDE_BYTES = 8 << 10
"""So is what was refused of a body longer than this: finding the texts of items again takes long."""

_LENGTH_DIGITS = 19
"""Digits of a length that are looked at: more name no body that could be sent."""
_JSON: Header = (b"content-type", b"application/json")
_NOTHING = nullcontext()


class Entrance(Protocol):
    """What a collector stands on (`processors.services.Services` has it all). Without a `projector` nobody
    can wait here for the fold."""

    @property
    def log(self) -> EventLog: ...
    @property
    def access(self) -> Access: ...
    @property
    def projector(self) -> Projector | None: ...
    @property
    def workspace_key(self) -> str: ...
    @property
    def clock(self) -> Callable[[], datetime]: ...
    @property
    def new_id(self) -> Callable[[], UUID]: ...


def collector(services: Entrance, limits: Limits | None = None) -> Asgi:
    """The application. It serves one event loop."""
    return _Collector(services, limits or Limits())


class _Collector:
    def __init__(self, services: Entrance, limits: Limits) -> None:
        self._services = services
        self._limits = limits
        self._aside = Aside()
        self._intake = Intake(limits, self._aside)
        self._presented = Presented(services.access)
        self._appender = Appender(services.log)
        projector = services.projector
        self._folded = Folded(services.log, projector, limits.waiting) if projector else None
        self._quota = Quota(limits)
        self._guesses = Buckets(limits.guesses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the collector speaks HTTP, not {scope['type']}")
        began = time.perf_counter()
        sent: dict[bytes, bytes] = dict(scope["headers"])
        cross_origin = _cross_origin(sent)
        status, body, headers = 200, b"", list[Header]()
        try:
            if scope["path"] != PATH:
                raise Problem(404, "not_found", f"There is no {scope['path']}.", f"Events go to {PATH}.")
            if scope["method"] == "OPTIONS":
                status, headers = 204, _preflight(sent)
            elif scope["method"] == "POST":
                whose = sender(scope)
                write_key = await self._write_key(sent, whose)
                if write_key.rights == "secret":
                    cross_origin = []  # it has no business in a browser
                options = parse_options(scope["query_string"], self._limits.wait_seconds)
                body = await self._collect(write_key, whose, options, sent, receive)
            else:
                allow = (b"allow", b"POST, OPTIONS")
                raise Problem(405, "method_not_allowed", f"{PATH} takes POST.", headers=[allow])
        except (Problem, LogUnavailable) as error:
            problem = error if isinstance(error, Problem) else retry_later("unavailable", str(error))
            status, body, headers = problem.status, problem.body(), list(problem.headers)
        except Disconnected:
            status = 499
        metrics.requests(status).inc()
        if status != 499:
            await _answer(send, status, body, [*headers, *cross_origin])
            metrics.SECONDS.observe(time.perf_counter() - began)

    async def _write_key(self, sent: dict[bytes, bytes], whose: str) -> WriteKey:
        text = presented_key(sent.get(b"authorization", b""), sent.get(b"x-write-key", b""))
        found = await self._presented.write_key(text)
        if found is None:
            if wait := self._guesses.take(whose, 1, asyncio.get_running_loop().time()):
                raise slow_down(wait, "Your address sent too many unknown write keys.")
            raise unauthorized("This write key is not known.")
        return found

    async def _collect(
        self,
        write_key: WriteKey,
        whose: str,
        options: Options,
        sent: dict[bytes, bytes],
        receive: Receive,
    ) -> bytes:
        """Receive, admit, append and answer."""
        waits = options.wait is not None and not options.dry_run
        if waits and self._folded is None:
            raise Problem(
                400, "invalid", "This collector does not fold, so it cannot wait.", "Leave out wait=."
            )
        with self._folded.place() if waits and self._folded else _NOTHING:
            outcome = await self._kept(write_key, whose, options, sent, receive)
            answer: dict[str, object] = {
                "accepted": len(outcome.touchpoints),
                "refused": len(outcome.failed),
            }
            if options.dry_run:
                answer |= {"dry_run": True, "results": without_ids(outcome.results)}
                return orjson.dumps(answer)
            if options.wait is not None and self._folded is not None:
                answer["folded"] = await self._folded.wait(options.wait)
            answer["results"] = outcome.results
            return orjson.dumps(answer)

    async def _kept(
        self,
        write_key: WriteKey,
        whose: str,
        options: Options,
        sent: dict[bytes, bytes],
        receive: Receive,
    ) -> Outcome:
        """The outcome, durable unless it is a dry run. The body is let go of then, whatever follows."""
        now = asyncio.get_running_loop().time
        length = sent.get(b"content-length", b"")
        declared = int(length[:_LENGTH_DIGITS]) if length.isdigit() else 0
        if not 0 < declared <= READ_BYTES and (wait := self._quota.wait(write_key, whose, 1, 0, now())):
            raise slow_down(wait, "This write key sent more events than it may.")
        body = await self._intake.receive(
            receive,
            declared=declared,
            encoding=sent.get(b"content-encoding", b""),
        )
        try:
            kind = sent.get(b"content-type", b"")
            if len(body) > ASIDE_BYTES:
                items = await self._aside(lambda: parse(body, kind, self._limits.items))
            else:
                items = parse(body, kind, self._limits.items)
            if wait := self._quota.take(write_key, whose, len(items.values), len(body), now()):
                raise slow_down(wait, "This write key sent more events than it may.")
            outcome = await self._admit(items, write_key)
            if not options.dry_run:
                await self._append(outcome, write_key.rights)
            return outcome
        finally:
            self._intake.release(len(body))

    async def _admit(self, items: Items, write_key: WriteKey) -> Outcome:
        services = self._services
        key, new_id = services.workspace_key, services.new_id
        origin = Origin(write_key.source, write_key.rights, services.clock())
        if len(items.body) > ASIDE_BYTES:

            def whole() -> Outcome:
                admitted = [decide(value, origin, key, new_id) for value in items.values]
                return gather(items, admitted, origin, new_id)

            return await self._aside(whole)
        decisions: list[Accepted | Refusal] = []
        until = time.perf_counter() + TURN_SECONDS
        for value in items.values:
            if time.perf_counter() > until:
                await asyncio.sleep(0)
                until = time.perf_counter() + TURN_SECONDS
            decisions.append(decide(value, origin, key, new_id))
        if len(items.body) > REFUSED_ASIDE_BYTES and any(isinstance(one, Refusal) for one in decisions):
            return await self._aside(lambda: gather(items, decisions, origin, new_id))
        return gather(items, decisions, origin, new_id)

    async def _append(self, outcome: Outcome, rights: Rights) -> None:
        records = ((TOUCHPOINTS, outcome.touchpoints), (FAILED_EVENTS, outcome.failed))
        some = [(topic, given) for topic, given in records if given]
        if some:
            await self._appender.append(some)
        if outcome.touchpoints:
            metrics.items(rights, "accepted").inc(len(outcome.touchpoints))
        if outcome.refused:
            for code, number in Counter(outcome.refused).items():
                metrics.items(rights, code).inc(number)


async def _answer(send: Send, status: int, body: bytes, headers: Iterable[Header]) -> None:
    described = [_JSON, (b"content-length", b"%d" % len(body))] if body else []
    await send({"type": "http.response.start", "status": status, "headers": [*described, *headers]})
    await send({"type": "http.response.body", "body": body})


def _cross_origin(sent: dict[bytes, bytes]) -> list[Header]:
    """Lets a page of any site read the answer."""
    origin = sent.get(b"origin")
    return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")] if origin else []


def _preflight(sent: dict[bytes, bytes]) -> list[Header]:
    """A browser asks before it posts: whatever headers it means to send are welcome."""
    wanted = sent.get(b"access-control-request-headers", b"authorization, content-type")
    return [
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-allow-headers", wanted),
        (b"access-control-max-age", b"86400"),
    ]
