"""What the collector grants one sender, so that the others have the rest."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from kizuna.ingest.body import Limits
from kizuna.ingest.collector import collector
from kizuna.processors.buckets import Rate
from tests.api.collector_node import collector_node, page
from tests.api.test_collector_overload import Message, drive, whole

REFUSED = b'{"type":"nope"}'


def test_over_the_limit_of_a_key_nothing_is_kept(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(key=Rate(0.5, 10))) as node:
        assert node.post([page()] * 8).status_code == 200
        answer = node.post([page(), {"type": "nonsense"}, page()])
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
        assert answer.json()["error"]["code"] == "rate_limited"
        assert (len(node.events), len(node.failed)) == (8, 0)
        assert node.post([page()] * 2).status_code == 200, "what was refused cost nothing"
        assert node.post([page()], "/v1/events?dry_run=true").status_code == 429, "judging is work too"


def test_a_batch_larger_than_the_burst_goes_through_and_is_paid_for_later(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(key=Rate(1, 10))) as node:
        assert node.post([page()] * 50).status_code == 200
        answer = node.post([page()])
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "41")


def test_a_key_over_its_limit_has_long_bodies_refused_unread(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(key=Rate(1, 1))) as node:
        assert node.post([page()] * 5).status_code == 200
        sent: list[Message] = []

        async def receive() -> Message:
            raise AssertionError("it was read")

        asyncio.run(awaited(drive(node, receive, sent)))
        assert sent[0]["status"] == 429


def test_visitors_with_one_public_key_do_not_use_up_each_others_share(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(visitor=Rate(1, 5))) as node:

        def post(whose: str) -> int:
            sent: list[Message] = []
            asyncio.run(awaited(drive(node, whole([page()] * 5), sent, key=node.public, client=whose)))
            status: int = sent[0]["status"]
            return status

        assert [post("203.0.113.1"), post("203.0.113.1"), post("203.0.113.2")] == [200, 429, 200]
        assert {node.post([page()] * 5).status_code for _ in range(3)} == {200}, (
            "a secret key has no visitors"
        )


def test_a_large_body_of_a_visitor_counts_as_many_events(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(visitor=Rate(1, 20))) as node:
        large = json.dumps([page(context={"x": "y" * 50_000})])
        assert node.post(large, authorization=f"Bearer {node.public}").status_code == 200
        answer = node.post(large, authorization=f"Bearer {node.public}")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "4")
        assert {node.post(large).status_code for _ in range(3)} == {200}, "of a secret key events are counted"


def test_who_guesses_keys_is_slowed_down_and_who_has_one_is_not(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(guesses=Rate(0.1, 3))) as node:
        answers = [node.post(page(), authorization=f"Bearer guess-{number}") for number in range(5)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
        assert node.post(page()).status_code == 200


def test_a_body_that_trickles_gives_way_when_room_is_short(tmp_path: Path) -> None:
    """It would else keep everybody out until its time is up."""
    with collector_node(tmp_path, Limits(held_bytes=10_000)) as node:
        slow, late, others = list[Message](), list[Message](), list[Message]()

        async def scenario() -> None:
            first = asyncio.ensure_future(drive(node, trickling(b"[" + b" " * 8_000), slow))
            await asyncio.sleep(0)
            big = whole(page(context={"x": "y" * 6_000}))
            await drive(node, big, others)
            assert others[0]["status"] == 503, "it has only just begun"
            await asyncio.sleep(1.1)
            await drive(node, big, others)
            await asyncio.wait_for(first, 5)
            second = asyncio.ensure_future(drive(node, trickling(b"[" + b" " * 8_000), late))
            await asyncio.sleep(0)
            assert not second.done(), "what the first held is free again"
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)

        asyncio.run(scenario())
        assert others[2]["status"] == 200
        assert slow[0]["status"] == 503
        assert (b"connection", b"close") in slow[0]["headers"]


def test_who_waits_for_the_fold_holds_no_body(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(held_bytes=10_000)) as node:
        waiting, others = list[Message](), list[Message]()
        big = page(context={"x": "y" * 8_000})

        async def scenario() -> None:
            first = asyncio.ensure_future(drive(node, whole(big), waiting, query=b"wait=1s"))
            while len(node.events) < 1:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
            await drive(node, whole(big), others)
            await first

        asyncio.run(scenario())
        assert others[0]["status"] == 200
        assert json.loads(waiting[1]["body"])["folded"] is False


def test_so_many_wait_for_the_fold_and_others_are_told_before_anything_is_kept(tmp_path: Path) -> None:
    with collector_node(tmp_path, Limits(waiting=2)) as node:
        sent = [list[Message]() for _ in range(3)]

        async def scenario() -> None:
            await asyncio.gather(*(drive(node, whole(page()), one, query=b"wait=500ms") for one in sent))
            await drive(node, whole(page()), sent[0], query=b"wait=1ms")

        asyncio.run(scenario())
        assert sorted(one[0]["status"] for one in sent) == [200, 200, 503]
        assert sent[0][2]["status"] == 200, "places are free again"
        assert len(node.events) == 3


@pytest.mark.parametrize("join", [b",", b"\n"], ids=["array", "lines"])
def test_no_body_keeps_the_event_loop_for_long(tmp_path: Path, join: bytes) -> None:
    """Half a second of work, during which others get their turn every few milliseconds."""
    items = join.join([REFUSED] * 20_000)
    body = b"[" + items + b"]" if join == b"," else items
    with collector_node(tmp_path) as node:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def turns() -> int:
            request = asyncio.ensure_future(drive(node, receive, sent))
            others = 0
            while not request.done():
                await asyncio.sleep(0)
                others += 1
            await request
            return others

        assert asyncio.run(turns()) > 30
        assert sent[0]["status"] == 200
        assert len(node.failed) == 20_000


def test_a_thousand_unknown_keys_read_the_log_a_few_times(tmp_path: Path) -> None:
    with collector_node(tmp_path) as node:
        asked = 0
        refresh = node.access.refresh

        def counted() -> None:
            nonlocal asked
            asked += 1
            time.sleep(0.05)
            refresh()

        node.access.refresh = counted  # type: ignore[method-assign]
        node.app = collector(node.services)

        async def scenario() -> list[int]:
            sent = [list[Message]() for _ in range(1_000)]
            requests = (
                drive(node, whole(page()), one, key=f"guess-{number}") for number, one in enumerate(sent)
            )
            await asyncio.gather(*requests)
            return [one[0]["status"] for one in sent]

        time.sleep(0.15)
        assert set(asyncio.run(scenario())) == {401}
        assert 1 <= asked <= 3


def trickling(first: bytes) -> Callable[[], Awaitable[Message]]:
    parts = iter([first])

    async def receive() -> Message:
        part = next(parts, None)
        if part is None:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": part, "more_body": True}

    return receive


async def awaited(awaitable: Awaitable[None]) -> None:
    await awaitable
