"""What the API grants: turns for corrections are bounded, and a page that all look at is made once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kizuna.processors.buckets import Rate
from kizuna.processors.turns import WAITING, Turns
from kizuna.query.api import create_app
from kizuna.query.limits import Limits
from kizuna.query.live import Live, Lookout
from kizuna.schemas.errors import LogUnavailable
from tests.api.query_node import ADMIN, QueryNode, query_node


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with query_node(tmp_path) as node:
        node.fold()
        yield node


def test_so_many_wait_for_their_turn_and_no_more(node: QueryNode) -> None:
    turns = Turns(node.log, node.store, node.projector)
    inside, leave = threading.Event(), threading.Event()
    taken: list[int] = []

    def take(number: int) -> None:
        with turns.take():
            taken.append(number)
            inside.set()
            leave.wait(10)

    node.projector.start()
    try:
        threads = [threading.Thread(target=take, args=(number,)) for number in range(WAITING)]
        for thread in threads:
            thread.start()
        assert inside.wait(10)
        while turns._places._value:
            pass
        with pytest.raises(LogUnavailable, match="under way"), turns.take():
            pass
        leave.set()
        for thread in threads:
            thread.join(10)
        assert sorted(taken) == list(range(WAITING))
        with turns.take():
            taken.append(WAITING)
    finally:
        leave.set()
        node.projector.stop()


def test_the_page_is_looked_up_once_for_all_who_look_at_once(
    node: QueryNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = Lookout.look

    def counted(self: Lookout) -> Live:
        nonlocal looks
        looks += 1
        return look(self)

    monkeypatch.setattr(Lookout, "look", counted)
    app = create_app(node.services)

    async def scenario() -> set[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
            return {
                one.status_code for one in await asyncio.gather(*(client.get("/live") for _ in range(30)))
            }

    assert asyncio.run(scenario()) == {200}
    assert 1 <= looks <= 2


def test_a_body_over_the_limit_is_refused_and_what_was_held_is_let_go(node: QueryNode) -> None:
    app = create_app(node.services, Limits(body_bytes=1_000, held_bytes=1_500))

    async def ask(size: int) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
            answer = await client.post(
                "/api/profiles/lookup",
                content=b'{"kind": "user_id", "value": "C-1"}'.ljust(size),
                headers={"authorization": f"Bearer {ADMIN}", "content-type": "application/json"},
            )
            return answer.status_code

    assert [asyncio.run(ask(size)) for size in (900, 1_001, 900, 5_000, 900, 1_000)] == [
        404,
        413,
        404,
        413,
        404,
        404,
    ]


def test_guessing_tokens_is_slowed_down_and_concerns_nobody_else(node: QueryNode) -> None:
    app = create_app(node.services, Limits(guesses=Rate(0.1, 2)))

    async def ask(token: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://node") as client:
            return await client.get("/api/keys", headers={"authorization": f"Bearer {token}"})

    async def scenario() -> list[httpx.Response]:
        return [await ask(token) for token in ("a", "b", "c", ADMIN)]

    answers = asyncio.run(scenario())
    assert [one.status_code for one in answers] == [401, 401, 429, 200]
    assert answers[2].headers["retry-after"] == "10"
    assert answers[2].json()["error"]["code"] == "rate_limited"
