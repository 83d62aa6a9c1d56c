"""A real node that is sent what nobody should send: it counts every item, shows what it kept, stays ready,
and needs no more memory afterwards than before."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.examples import examples
from tests.naughty import STRINGS, Place, places, says
from tests.node_process import NodeProcess

LISTS = (
    *("profiles", "companies", "orders", "tickets", "deals", "visits", "contracts", "tasks"),
    *("products", "stores", "staff", "notes", "failed-events"),
)
GROWTH = 128 << 20
"""Bytes that a node may grow by until its allocators have reached their height: 370 MiB after 40 rounds, of
which the last 20 added less than 20. One round sends 45 MB of bodies, over 400 MB if unpacked."""
KEPT = 1 << 20
"""Bytes that the failed events of one round may take for good."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with NodeProcess(tmp_path_factory.mktemp("node") / "data") as node:
        yield node
        assert node.stop() == 0
        assert "Traceback" not in node.log.read_text()


@pytest.fixture(scope="module")
def key(node: NodeProcess) -> str:
    made: str = node.ask("POST", "/api/keys", json={"name": "shop", "rights": "secret"}).json()["key"]
    return made


def naughty_items(each: int) -> Iterator[tuple[Place, int, dict[str, Any]]]:
    """Every place with `each` strings, so that every string is in some. An item carries the number of its
    string in the ids of its person, unless the string is one of these."""
    everywhere = [place for place in places() if place.path[0] not in ("occurred_at", "sent_at")]
    numbers = count()
    for place, first in zip(everywhere, count(step=97), strict=False):
        for step in range(each):
            number = (first + step * 31) % len(STRINGS)
            (item,) = place.items((STRINGS[number],))
            if place.path != ("message_id",):
                item["message_id"] = f"m-{next(numbers)}"
            if place.path[0] != "ids":
                item["ids"] = {"user_id": f"n-{number}", "anonymous_id": f"a-{number}"}
            yield place, number, json.loads(json.dumps(item))


def everything(node: NodeProcess, path: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = node.ask("GET", path, params={"limit": 200} | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.examples
def test_naughty_strings_go_in_over_http_and_come_out_of_the_api(node: NodeProcess, key: str) -> None:
    given = list(naughty_items(examples(2)))
    accepted: dict[str, tuple[Place, int]] = {}
    refused: dict[str, dict[str, Any]] = {}
    sent = 0
    for batch in [given[start : start + 500] for start in range(0, len(given), 500)]:
        for some in (batch, batch[:50]):  # these come twice
            answer = node.post(key, [item for _, _, item in some], "?wait=30s").json()
            assert answer["accepted"] + answer["refused"] == len(answer["results"]) == len(some)
            for (place, number, item), result in zip(some, answer["results"], strict=True):
                if result["code"] == "accepted":
                    accepted[result["event_id"]] = (place, number)
                else:
                    assert result["reason"]
                    refused[result["failed_id"]] = item
            sent += len(some)
    assert min(len(accepted), len(refused)) > 250

    status = node.ask("GET", "/api/status").json()
    assert status["lag"] == 0
    (shop,) = [one for one in status["sources"] if one["source"] == "shop"]
    assert (shop["events"], shop["failed_events"]) == (len(accepted), len(refused))
    assert shop["events"] + shop["failed_events"] + shop["duplicates"] == sent

    shown = events_of(node, given)
    for event_id, (place, number) in accepted.items():
        assert says(shown[event_id], place, STRINGS[number]), (place, STRINGS[number])
    failed = {one["id"]: one for one in everything(node, "/api/failed-events")}
    assert failed.keys() == refused.keys()
    for failed_id in list(refused)[::10]:
        kept = node.ask("GET", f"/api/failed-events/{failed_id}").json()["item"]
        assert (json.loads(kept) if isinstance(kept, str) else kept) == refused[failed_id]


def events_of(node: NodeProcess, given: list[tuple[Place, int, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The timelines of everybody named."""
    named = {("user_id", f"n-{number}") for number in range(len(STRINGS))}
    named |= {
        (str(place.path[1]), STRINGS[n]) for place, n, _ in given if place.path[0] == "ids" and place.path[1:]
    }
    shown: dict[str, dict[str, Any]] = {}
    profiles: set[str] = set()
    for kind, value in named:
        answer = node.ask("POST", "/api/profiles/lookup", json={"kind": kind, "value": value})
        assert answer.status_code in (200, 404, 422), answer.text
        if answer.status_code == 200:
            profiles.add(answer.json()["id"])
    for profile in profiles:
        shown |= {one["event_id"]: one for one in everything(node, f"/api/profiles/{profile}/timeline")}
    return shown


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_naughty_things_are_read_to_their_end(node: NodeProcess, name: str) -> None:
    items = everything(node, f"/api/{name}")
    ids = [one.get("id") or one.get("entity_id") or one.get("event_id") for one in items]
    assert len(items) == len({json.dumps(one, sort_keys=True) for one in items})
    assert all(ids) or not items


@pytest.mark.examples
def test_naughty_questions_have_answers(node: NodeProcess) -> None:
    for text in STRINGS[:: max(3 // examples(1), 1)]:
        asked = [
            node.ask("POST", "/api/profiles/search", json={"query": text}),
            node.ask("POST", "/api/profiles/lookup", json={"kind": "email", "value": text}),
            node.ask("GET", "/api/failed-events", params={"reason": text[:2_000]}),
            node.ask("GET", "/api/profiles", params={"sort": text[:2_000], "cursor": text[:2_000]}),
        ]
        for answer in asked:
            assert answer.status_code in (200, 404, 422), (text[:50], answer.text)
            assert "error" in answer.json() or answer.status_code == 200


def memory(node: NodeProcess, name: str = "VmRSS") -> int:
    """In bytes."""
    lines = Path(f"/proc/{node.process.pid}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def custom(properties: str) -> bytes:
    return b'{"type": "custom.x", "properties": ' + properties.encode() + b"}"


PLAIN: dict[str, str] = {}
GZIP = {"content-encoding": "gzip"}
LINES = {"content-type": "application/x-ndjson"}
BODIES: list[tuple[bytes, dict[str, str], int]] = [
    (b"[" * 4_000_000, PLAIN, 400),
    (b'{"a":' * 500_000 + b"1" + b"}" * 500_000, PLAIN, 400),
    (custom('{"x": ' + "9" * 1_000_000 + "}"), PLAIN, 400),
    (custom('{"x": NaN}'), PLAIN, 400),
    (custom('{"x": "\\ud800"}'), PLAIN, 400),
    (json.dumps({"type": "page.viewed"}).encode("utf-16"), PLAIN, 400),
    (b"\x00" * 3_000_000, PLAIN, 400),
    (b" " * 6_000_000, PLAIN, 413),
    (b"[" + b"1," * 1_500_000 + b"1]", PLAIN, 413),
    (b"1\n" * 1_500_000, LINES, 413),
    (gzip.compress(b" " * 200_000_000, 1), GZIP, 413),
    (gzip.compress(gzip.compress(b" " * 200_000_000, 1)), GZIP, 400),
    (gzip.compress(b" " * 4_000_000)[:-9], GZIP, 400),
    (gzip.compress(b"") * 150_000, GZIP, 400),
    (b"no gzip" * 500_000, GZIP, 400),
    (b"x" * 3_000_000, {"content-encoding": "br"}, 415),
    (b"{}", {"content-length": "9" * 30}, 0),
    (custom('{"x": 1, "x": 2}'), PLAIN, 200),
    (custom('{"x": ' + "[" * 900 + "]" * 900 + "}"), PLAIN, 200),
    (custom('{"x": "' + "y" * 3_000_000 + '"}'), PLAIN, 200),
    (custom('{"x": [' + "[]," * 1_000_000 + "[]]}"), PLAIN, 200),
    (b"{" + b",".join(b'"x%d": 1' % number for number in range(200_000)) + b"}", PLAIN, 200),
    (b"\xff\xfe{}\n" * 2_000, LINES, 200),
]


def send(node: NodeProcess, key: str, body: bytes, headers: dict[str, str], status: int) -> None:
    try:
        answer = httpx.post(
            f"{node.address}/v1/events", content=body, headers={"x-write-key": key, **headers}, timeout=60
        )
    except httpx.TransportError:
        assert status in (0, 413, 415)  # cut off while it sent
        return
    assert answer.status_code == (status or 400), (answer.status_code, answer.text[:300], body[:50])
    if answer.status_code == 200:
        assert answer.json()["accepted"] == 0 < answer.json()["refused"]


def cut_off(node: NodeProcess, key: str) -> None:
    """Requests that end before they are whole, or go on behind their end, or are none."""
    head = f"POST /v1/events HTTP/1.1\r\nhost: node\r\nx-write-key: {key}\r\n"
    body = custom('{"x": 1}')
    for raw in (
        f"{head}content-length: 4000000\r\n\r\n".encode() + body,
        f"{head}content-length: 5\r\n\r\n".encode() + body,
        f"{head}content-length: -5\r\n\r\n".encode() + body,
        f"{head}content-length: 5\r\ncontent-length: 50\r\n\r\n".encode() + body,
        f"{head}transfer-encoding: chunked\r\n\r\nffffffff\r\n".encode() + body,
        f"{head}transfer-encoding: chunked\r\n\r\nxyz\r\n".encode() + body,
        f"{head}content-encoding: gzip\r\ncontent-length: 4000\r\n\r\n\x1f\x8b\x08".encode("latin-1"),
        head.encode()[:-9],
        b"POST /v1/events HTTP/9.9\r\n\r\n",
        b"\x00\xff" * 50_000,
        b"GET /" + b"x" * 200_000,
    ):
        host, port = node.address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            try:
                connection.sendall(raw)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
            except OSError:  # it was ended already
                pass


@pytest.mark.examples
def test_bad_requests_leave_no_memory_behind_and_keep_nothing_but_what_they_say(
    node: NodeProcess, key: str
) -> None:
    def round_() -> None:
        for body, headers, status in BODIES:
            send(node, key, body, headers, status)
        cut_off(node, key)

    def standing() -> tuple[int, int]:
        node.post(key, [], "?wait=30s")
        status = node.ask("GET", "/api/status").json()
        topics = {one["topic"]: one for one in status["topics"]}
        return topics["touchpoints"]["records"], topics["failed-events"]["records"]

    for _ in range(2):
        round_()
    touchpoints, failed = standing()
    before = memory(node)
    rounds = 4 * examples(1)
    for _ in range(rounds):
        round_()
    assert standing() == (touchpoints, failed + rounds * (5 + 2_000))
    assert memory(node) - before < GROWTH + rounds * KEPT
    assert node.ask("GET", "/ready").status_code == 200
    good: dict[str, object] = {
        "type": "page.viewed",
        "ids": {"user_id": "good"},
        "properties": {"path": "/"},
        "message_id": "good",
    }
    assert node.post(key, [good], "?wait=30s").json()["folded"] is True
    assert standing()[0] == touchpoints + 1
    verified = node.ask("POST", "/api/rebuild", json={"verify": True})
    assert verified.status_code == 200, verified.text
    assert verified.json()["differences"] == {}
