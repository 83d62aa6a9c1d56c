"""How much one key, token or address may ask for: beyond it a node says when to come again."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx

from tests.api.collector_node import page
from tests.api.wire import connect, metric, posting, rest, running, statuses
from tests.node_process import kizuna_json

LIMITED = """
limit_loopback = true
trusted_proxies = "127.0.0.1"
address_requests = 5
token_requests = 5
key_events = 100
visitor_events = 10
burst_seconds = 2
"""


def test_a_node_limits_keys_tokens_and_addresses(tmp_path: Path) -> None:
    with running(tmp_path / "data", LIMITED) as node:
        time.sleep(2.1)  # what asking whether it is ready took comes back

        def post(key: str, count: int, whose: str) -> tuple[int, str | None]:
            with connect(node.address) as one:
                body = json.dumps([page()] * count).encode()
                forwarded = f"x-forwarded-for: {whose}\r\nconnection: close\r\n"
                one.sendall(posting(key, body, forwarded))
                answer = rest(one)
            wait = dict(
                line.lower().split(": ", 1) for line in answer.decode().split("\r\n")[1:] if ": " in line
            ).get("retry-after")
            return statuses(answer)[0], wait

        secret = kizuna_json("keys", "create", "tills", "--data", node.data)["key"]
        public = kizuna_json("keys", "create", "web", "--public", "--data", node.data)["key"]
        assert post(secret, 150, "203.0.113.1") == (200, None)
        assert post(secret, 200, "203.0.113.2") == (429, "2"), "whoever sends with that key"
        assert post(public, 20, "203.0.113.3") == (200, None)
        assert post(public, 20, "203.0.113.3") == (429, "2")
        assert post(public, 20, "203.0.113.4") == (200, None), "another visitor"
        answers = []
        for _ in range(100):
            answers.append(post(public, 0, "203.0.113.5")[0])
            if answers[-1] == 429:
                break
        assert len(answers) > 10
        assert set(answers[:-1]) == {200}
        assert answers[-1] == 429
        assert metric(node, "kizuna_limited_requests_total") >= 1


def test_a_token_has_its_limit(tmp_path: Path) -> None:
    with running(tmp_path / "data", "token_requests = 1\nburst_seconds = 5\n") as node:
        token = kizuna_json("tokens", "create", "till", "--data", node.data)["token"]
        asking = f"GET /api/status HTTP/1.1\r\nhost: node\r\nauthorization: Bearer {token}\r\n\r\n".encode()
        with connect(node.address) as client:
            client.sendall(asking * 9)  # no more are taken ahead of their answers
            received = b""
            while received.count(b"HTTP/1.1 ") < 9 and (more := client.recv(65_536)):
                received += more
        assert statuses(received)[:5] == [200] * 5
        assert statuses(received).count(429) >= 3
        assert b"retry-after: 1\r\n" in received
        assert node.ask("GET", "/api/status").status_code == 200, "another token is not concerned"


def test_who_watches_the_node_is_no_guesser(tmp_path: Path) -> None:
    """A monitor may send a token of its own where none is asked for."""
    with running(tmp_path / "data", "") as node:
        headers = {"authorization": "Bearer of-a-proxy"}
        for path in ("/health", "/ready", "/metrics"):
            answers = [httpx.get(f"{node.address}{path}", headers=headers).status_code for _ in range(100)]
            assert set(answers) == {200}, path
