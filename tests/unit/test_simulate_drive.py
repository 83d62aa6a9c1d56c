"""How the simulator sends: at its rate, to a file or a node, and again where it got no answer."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat

import httpx
import orjson
import pytest

from kizuna.runtime import simulate
from kizuna.runtime.shop import Shop, Touchpoint
from kizuna.runtime.simulate import LARGEST, drive
from kizuna.runtime.targets import Lines, Node, line, opened_target
from kizuna.schemas.errors import ConfigurationError, LogUnavailable

START = datetime(2026, 1, 1, tzinfo=UTC)
ATTRIBUTION: dict[str, object] = {
    "type": "entity.attributed",
    "entities": [{"kind": "order", "id": "T1-1", "namespace": "till-1"}],
    "properties": {},
}


class Kept:
    """A target that keeps the sizes of what it is given."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def send(self, touchpoints: Sequence[Touchpoint]) -> int:
        self.sizes.append(len(touchpoints))
        return 1


def test_without_a_rate_it_sends_as_much_as_the_target_takes() -> None:
    kept = Kept()
    sent = drive(Shop(1, START), repeat(START, 2 * LARGEST + 1), kept, rate=0)
    assert kept.sizes == [LARGEST, LARGEST, 1]
    assert (sent.touchpoints, sent.refused) == (2 * LARGEST + 1, 3)


def test_with_a_rate_it_keeps_to_it() -> None:
    kept = Kept()
    began = time.monotonic()
    drive(Shop(1, START), repeat(START, 100), kept, rate=400)
    assert time.monotonic() - began >= 99 / 400
    assert max(kept.sizes) < 100


class Slow:
    """A clock that goes on by itself a little with every look at it, as a busy machine's does."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        self.now += 0.0004
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_however_slow_the_machine_it_never_sleeps_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Slow()
    monkeypatch.setattr(simulate, "time", clock)
    sent = drive(Shop(1, START), repeat(START, 200), Kept(), rate=1_000)
    assert sent.touchpoints == 200
    assert min(clock.slept) > 0


def test_it_stops_in_time() -> None:
    began = time.monotonic()
    sent = drive(Shop(1, START), repeat(START), Kept(), rate=50, seconds=0.2)
    assert 0.2 <= time.monotonic() - began < 5
    assert 1 <= sent.touchpoints <= 50 * (time.monotonic() - began) + 1


def test_lines_are_the_same_bytes_for_the_same_seed() -> None:
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        drive(Shop(9, START), (START + timedelta(minutes=n) for n in range(2_000)), Lines(file), rate=0)
    first, again = (file.getvalue() for file in files)
    assert first == again
    assert first.count(b"\n") == 2_000
    assert {orjson.loads(one)["type"] for one in first.splitlines()} > {"page.viewed", "order.completed"}


def test_a_line_names_no_other_source() -> None:
    assert orjson.loads(line(Touchpoint("helpdesk", ATTRIBUTION)))["entities"] == [
        {"kind": "order", "id": "T1-1"}
    ]


def test_a_node_gets_each_source_by_its_own_key_and_again_after_a_503() -> None:
    asked: list[tuple[str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.headers["authorization"], request.content))
        if len(asked) == 1:
            return httpx.Response(503, headers={"retry-after": "0"})
        return httpx.Response(200, json={"refused": request.content.count(b"\n") - 1})

    with httpx.Client(base_url="http://node", transport=httpx.MockTransport(answer)) as client:
        node = Node(client, {"web": "kzw_web", "": "kzw_rest"})
        touchpoints = [Touchpoint("web", ATTRIBUTION), Touchpoint("helpdesk", ATTRIBUTION)] * 2
        assert node.send(touchpoints) == 2
    whole, bare = orjson.dumps(ATTRIBUTION) + b"\n", line(Touchpoint("", ATTRIBUTION))
    assert asked == [
        ("Bearer kzw_web", whole * 2),
        ("Bearer kzw_web", whole * 2),
        ("Bearer kzw_rest", bare * 2),
    ]


def closed_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_node_that_cannot_be_reached_is_told_of_and_given_up() -> None:
    told: list[str] = []
    address = f"http://127.0.0.1:{closed_port()}"
    with httpx.Client(base_url=address) as client:
        began = time.monotonic()
        with pytest.raises(LogUnavailable, match="does not answer") as caught:
            Node(client, {"": "kzw_x"}, patience=1.5, tell=told.append).send([Touchpoint("web", ATTRIBUTION)])
    assert 1 <= time.monotonic() - began < 10
    assert "kizuna run" in caught.value.hint
    (said,) = told
    assert said.startswith(f"The node at {address} does not answer (ConnectError); trying again")


def test_a_node_that_never_took_anything_is_given_up_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the clock of the test: half a minute at first, a whole one for a node that worked before."""
    now = 0.0
    answers = [200, *[503] * 1_000]

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "sleep", sleep)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(answers.pop(0), json={"refused": 0})

    told: list[float] = []
    with httpx.Client(base_url="http://node", transport=httpx.MockTransport(answer)) as client:
        node = Node(client, {"": "kzw_x"}, tell=lambda text: told.append(now))
        touchpoints = [Touchpoint("web", ATTRIBUTION)]
        assert node.send(touchpoints) == 0
        with pytest.raises(LogUnavailable):
            node.send(touchpoints)
        assert (now, told) == (60, [0, 10, 20, 30, 40, 50])
        now = 0
        with pytest.raises(LogUnavailable):
            Node(client, {"": "kzw_x"}).send(touchpoints)
        assert now == 30


def test_a_wrong_key_is_told() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(401))
    with httpx.Client(base_url="http://node", transport=transport) as client:
        with pytest.raises(ConfigurationError, match="does not know this write key"):
            Node(client, {"": "kzw_x"}).send([Touchpoint("web", ATTRIBUTION)])
        with pytest.raises(ConfigurationError, match="no write key for web"):
            Node(client, {"mail": "kzw_x"}).send([Touchpoint("web", ATTRIBUTION)])


@pytest.mark.parametrize("to", ["http://", "http://node:port"])
def test_what_is_no_address_is_told_at_once(to: str) -> None:
    with pytest.raises(ConfigurationError, match="no address of a node"), opened_target(to, ["kzw_x"]):
        raise AssertionError


@pytest.mark.parametrize(
    ("keys", "said"), [([], "with a write key only"), (["shop=kzw_x"], "has no source shop")]
)
def test_a_node_without_a_usable_key_is_told(keys: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said), opened_target("http://127.0.0.1:1", keys):
        raise AssertionError
