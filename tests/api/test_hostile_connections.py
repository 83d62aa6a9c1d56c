"""A real node and clients that do not behave: each costs it little, for a bounded time, and nobody else
anything."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.api.collector_node import page
from tests.api.wire import connect, metric, one_answer, posting, rest, running, statuses
from tests.node_process import NodeProcess, kizuna_json

HEAD, BODY, ANSWER, IDLE = 1.0, 2.0, 1.0, 3.0
SETTINGS = f"""
head_seconds = {HEAD}
body_seconds = {BODY}
answer_seconds = {ANSWER}
idle_seconds = {IDLE}
connections = 1_200
connections_per_address = 20
trusted_proxies = "127.0.0.9"
"""
SLACK = 2.5
"""Seconds that a shared machine may add."""
PATIENCE = 30.0
"""Seconds in which what has no moment of its own must have come."""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with running(tmp_path_factory.mktemp("hostile") / "data", SETTINGS) as node:
        yield node


@pytest.fixture(scope="module")
def key(node: NodeProcess) -> str:
    text: str = kizuna_json("keys", "create", "tills", "--data", node.data)["key"]
    return text


def fine(node: NodeProcess, key: str) -> None:
    """Others are served, at once."""
    began = time.monotonic()
    assert node.post(key, [page()]).json()["accepted"] == 1
    assert node.ask("GET", "/api/status").status_code == 200
    assert time.monotonic() - began < SLACK


def seconds_until_closed(connection: socket.socket) -> float:
    began = time.monotonic()
    rest(connection)
    return time.monotonic() - began


def test_a_head_that_trickles_is_cut(node: NodeProcess, key: str) -> None:
    before = metric(node, "kizuna_connections_cut_total", why="head")
    began = time.monotonic()
    with connect(node.address) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\n")
        slow.setblocking(False)
        received = b""
        while time.monotonic() - began < HEAD + SLACK:
            fine(node, key)
            try:
                slow.send(b"x-a: b\r\n")
                received += slow.recv(65_536)
            except BlockingIOError:
                time.sleep(0.1)
                continue
            except OSError:
                break
            if received:
                break
        slow.setblocking(True)
        received += rest(slow)
    assert HEAD <= time.monotonic() - began < HEAD + SLACK
    assert statuses(received) == [408]
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["code"] == "timeout"
    assert metric(node, "kizuna_connections_cut_total", why="head") == before + 1


def test_a_connection_that_says_nothing_is_closed(node: NodeProcess) -> None:
    with connect(node.address) as silent:
        assert HEAD - 0.2 <= seconds_until_closed(silent) < HEAD + SLACK


def test_the_time_for_a_head_ends_whatever_lines_come(node: NodeProcess) -> None:
    """Empty lines before a request are no request, and must not keep a connection for ever."""
    with connect(node.address) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nhost: node\r\n\r\n")
        assert statuses(one_answer(slow)) == [200]
        began = time.monotonic()
        with suppress(OSError):
            while time.monotonic() - began < IDLE + SLACK:
                slow.sendall(b"\r\n")
                time.sleep(0.1)
        assert IDLE - 0.5 <= time.monotonic() - began < IDLE + SLACK


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /health HTTP/1.1\r\n" + b"x-a: b\r\n" * 300 + b"\r\n",
        b"GET /health HTTP/1.1\r\nx-a: " + b"b" * 700_000,
        b"GET /health HTTP/1.1\r\n" + b"a" * 700_000,
    ],
    ids=["path", "headers", "value without an end", "name without an end"],
)
def test_a_head_that_is_too_long_is_refused(node: NodeProcess, key: str, head: bytes) -> None:
    with connect(node.address) as long:
        with suppress(OSError):  # it is closed before the end
            long.sendall(head)
        assert statuses(rest(long)) in ([431], [400], [])
    fine(node, key)


@pytest.mark.parametrize("path", ["/v1/events", "/api/profiles/lookup", "/api/nothing", "/"])
@pytest.mark.parametrize("known", [True, False])
def test_a_body_that_trickles_is_cut(node: NodeProcess, key: str, path: str, known: bool) -> None:
    """Also where it is answered long before, and read only to be dropped."""
    token = {"/v1/events": key}.get(path, node.token) if known else "unknown"
    head = (
        f"POST {path} HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {token}\r\n"
        "content-type: application/json\r\ncontent-length: 1000\r\n\r\n"
    )
    began = time.monotonic()
    with connect(node.address) as slow:
        slow.sendall(head.encode())
        with suppress(OSError):
            while time.monotonic() - began < BODY + 2 * SLACK:
                slow.sendall(b" ")
                time.sleep(0.05)
        assert time.monotonic() - began < BODY + SLACK
    fine(node, key)


@pytest.mark.parametrize("path", ["/v1/events", "/api/profiles/lookup"])
def test_a_body_that_is_slow_says_so(node: NodeProcess, key: str, path: str) -> None:
    token = key if path == "/v1/events" else node.token
    with connect(node.address) as slow:
        slow.sendall(
            f"POST {path} HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\ncontent-length: 10\r\n\r\n{".encode()
        )
        answer = rest(slow)
    assert statuses(answer) == [408]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "timeout"


def test_the_body_of_a_stranger_is_not_read(node: NodeProcess) -> None:
    with connect(node.address) as stranger:
        stranger.sendall(
            b"POST /api/profiles/lookup HTTP/1.1\r\nhost: node\r\nauthorization: Bearer guess\r\n"
            b"content-type: application/json\r\ncontent-length: 1000000\r\n\r\n{"
        )
        answer = rest(stranger)
        assert statuses(answer) == [401]
        assert b"connection: close" in answer.lower()


def test_a_body_of_the_api_is_bounded(node: NodeProcess) -> None:
    too_large = node.ask("POST", "/api/profiles/lookup", content=b" " * (3 << 20))
    assert (too_large.status_code, too_large.json()["error"]["code"]) == (413, "too_large")
    with connect(node.address) as chunked:
        chunked.sendall(
            f"POST /api/profiles/lookup HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {node.token}\r\n"
            "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".encode()
        )
        with suppress(OSError):
            for _ in range(100):
                chunked.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        assert statuses(rest(chunked)) in ([413], [])


def test_chunks_may_not_be_mostly_wrapping(node: NodeProcess, key: str) -> None:
    sent = 0
    with connect(node.address) as odd:
        odd.sendall(
            f"POST /v1/events HTTP/1.1\r\nhost: node\r\nx-write-key: {key}\r\n"
            "transfer-encoding: chunked\r\n\r\n".encode()
        )
        with suppress(OSError):
            for _ in range(200):
                odd.sendall(b"1;" + b"x" * 100_000 + b"\r\n \r\n")
                sent += 100_000
    assert sent < 10_000_000
    fine(node, key)


def test_what_follows_the_body_is_no_header(node: NodeProcess, key: str) -> None:
    """A proxy in front looked at the head alone."""
    with connect(node.address) as sly:
        sly.sendall(
            f"POST /v1/events HTTP/1.1\r\nhost: node\r\ntransfer-encoding: chunked\r\n\r\n"
            f"2\r\n[]\r\n0\r\nauthorization: Bearer {key}\r\n\r\n".encode()
        )
        assert statuses(one_answer(sly)) == [401]
        sly.sendall(posting(key, b"[]"))
        assert statuses(one_answer(sly)) == [200]


def test_who_never_reads_is_cut(node: NodeProcess, key: str) -> None:
    before = metric(node, "kizuna_connections_cut_total", why="answer")
    with connect(node.address, window=4_096) as deaf:
        began = time.monotonic()
        while metric(node, "kizuna_connections_cut_total", why="answer") == before:
            assert time.monotonic() - began < PATIENCE
            with suppress(OSError):  # until what the system holds for it is full, one after the other
                deaf.sendall(b"GET /api/openapi.json HTTP/1.1\r\nhost: node\r\n\r\n")
            fine(node, key)
            time.sleep(0.2)


def test_a_half_closed_connection_does_not_stay(node: NodeProcess, key: str) -> None:
    for head in (
        b"",
        b"GET /hea",
        posting(key, b"[" * 10)[:-5],
        b"GET /health HTTP/1.1\r\nhost: node\r\n\r\n",
    ):
        with connect(node.address) as half:
            half.sendall(head)
            half.shutdown(socket.SHUT_WR)
            assert seconds_until_closed(half) < SLACK
    fine(node, key)


def test_garbage_ends_a_connection_and_what_was_whole_before_it_is_answered(
    node: NodeProcess, key: str
) -> None:
    lines = node.log.read_text().count("\n")
    good = posting(key, json.dumps(page()).encode())
    for sent, expected in [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50, [400]),
        (b"BREW /pot HTCPCP/1.0\r\n\r\n", [400]),
        (good + b"\x00\xff" * 100, [200]),
        (good * 3 + b"nonsense", [200] * 3),
        (good * 2 + posting(key, b"").replace(b"content-length: 0", b"content-length: -1"), [200] * 2),
    ]:
        with connect(node.address) as bad:
            bad.sendall(sent)
            assert statuses(rest(bad)) == expected, sent[:80]
    assert node.log.read_text().count("\n") == lines, "nobody can fill the disk with lines in the log"
    fine(node, key)


def test_ten_thousand_requests_at_once_are_not_kept_in_memory(node: NodeProcess, key: str) -> None:
    with connect(node.address) as flood:
        flood.settimeout(20)
        with suppress(OSError):
            flood.sendall(b"GET /health HTTP/1.1\r\n\r\n" * 10_000)
        answered = statuses(rest(flood))
    assert set(answered) == {200}
    assert len(answered) < 10_000
    fine(node, key)


def test_some_requests_at_once_are_all_answered(node: NodeProcess, key: str) -> None:
    with connect(node.address) as client:
        client.sendall(
            posting(key, json.dumps(page()).encode()) * 7 + posting(key, b"{", "connection: close\r\n")
        )
        assert statuses(rest(client)) == [200] * 7 + [400]


def test_an_upgrade_is_answered_as_any_request_and_ends_the_connection(node: NodeProcess) -> None:
    with connect(node.address) as client:
        client.sendall(
            b"GET /health HTTP/1.1\r\nhost: node\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
            + b"\x81" * 99
        )
        assert statuses(rest(client)) == [200]


def test_this_machine_itself_is_no_address_that_counts(node: NodeProcess, key: str) -> None:
    with ExitStack() as stack:
        for _ in range(30):
            stack.enter_context(connect(node.address))
        fine(node, key)
        assert metric(node, "kizuna_connections_refused_total", why="address") == 0


def test_a_thousand_idle_connections_are_dropped_in_time(node: NodeProcess, key: str) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(connect(node.address)) for _ in range(1_000)]
        for one in idle:
            one.sendall(b"GET /health HTTP/1.1\r\nhost: node\r\n\r\n")
        began = time.monotonic()
        for one in idle:
            assert statuses(one_answer(one)) == [200]
        fine(node, key)
        assert metric(node, "kizuna_connections") >= 1_000
        while metric(node, "kizuna_connections") > 10:
            assert time.monotonic() - began < IDLE + 4 * SLACK
            time.sleep(0.1)


def test_when_all_places_are_taken_idle_ones_give_way(node: NodeProcess, key: str) -> None:
    before = metric(node, "kizuna_connections_cut_total", why="room")
    with ExitStack() as stack:
        for _ in range(1_500):
            one = stack.enter_context(connect(node.address))
            one.sendall(b"GET /health HTTP/1.1\r\nhost: node\r\n\r\n")
            assert statuses(one_answer(one)) == [200]
        fine(node, key)
        assert metric(node, "kizuna_connections") <= 1_200
        assert metric(node, "kizuna_connections_cut_total", why="room") >= before + 300


def test_the_node_stops_though_clients_hang(tmp_path: Path) -> None:
    with running(tmp_path / "data", SETTINGS) as node, ExitStack() as stack:
        for sent in (b"", b"GET /hea", b"GET /health HTTP/1.1\r\nhost: node\r\n\r\n"):
            one = stack.enter_context(connect(node.address))
            one.sendall(sent)
        deaf = stack.enter_context(connect(node.address, window=4_096))
        deaf.sendall(b"GET /api/openapi.json HTTP/1.1\r\nhost: node\r\n\r\n" * 30)
        time.sleep(0.3)
        began = time.monotonic()
        assert node.stop() == 0
        assert time.monotonic() - began < ANSWER + 2 * SLACK


FULL = """
connections = 40
connections_per_address = 5
limit_loopback = true
head_seconds = 30
trusted_proxies = "127.0.0.9"
"""


def test_over_the_caps_connections_are_refused_and_commands_still_get_in(tmp_path: Path) -> None:
    with running(tmp_path / "data", FULL) as node, ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connect(node.address, source="127.0.1.1"))
        sixth = stack.enter_context(connect(node.address, source="127.0.1.1"))
        assert statuses(rest(sixth)) == [429]
        for _ in range(40):
            stack.enter_context(connect(node.address, source="127.0.0.9"))  # the proxy, for many clients
        proxied = stack.enter_context(connect(node.address, source="127.0.0.9"))
        proxied.sendall(b"GET /health HTTP/1.1\r\nhost: node\r\nx-forwarded-for: 203.0.113.5\r\n\r\n")
        assert statuses(rest(proxied)) == [503]
        began = time.monotonic()
        assert kizuna_json("keys", "create", "late", "--data", node.data)["key"]
        assert time.monotonic() - began < 4 * SLACK
        for number in range(60):
            stack.enter_context(connect(node.address, source=f"127.0.2.{number}"))
        last = stack.enter_context(connect(node.address, source="127.0.3.1"))
        assert statuses(rest(last)) == [503], "the reserve has an end too"
