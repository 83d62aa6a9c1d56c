"""The front page in a real browser: it loads nothing from elsewhere, breaks no rule of its own, and lives."""

from __future__ import annotations

import os
import re
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from kizuna.schemas.examples import example
from tests.api.query_node import QueryNode, query_node

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        message = "chromium is not installed: on Debian, apt install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with query_node(tmp_path) as node:
        node.submit(*(example(type_) for type_ in ("order.completed", "page.viewed", "customer.identified")))
        node.submit({"type": "page.<b>seen</b>"}, source="<script>alert(1)</script>")
        node.fold()
        yield node


@pytest.fixture
def address(node: QueryNode) -> Iterator[str]:
    """The node on a real port."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(node.app, log_config=None, access_log=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def browse(chromium: str, profile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [chromium, *FLAGS, f"--user-data-dir={profile}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)


def test_the_page_shows_counts_and_refreshes_itself(
    chromium: str, node: QueryNode, address: str, tmp_path: Path
) -> None:
    arguments = ("--virtual-time-budget=9000", "--dump-dom", f"{address}/")
    seen = browse(chromium, tmp_path / "profile", *arguments)
    counts = dict(re.findall(r'<b id="(\w+)">([\d,]+)</b>', seen.stdout))
    assert counts == {
        "events": "3",
        "profiles": "2",
        "companies": "0",
        "duplicates": "0",
        "failed_events": "1",
    }
    assert 'class="stale"' not in seen.stdout
    assert "hanako" not in seen.stdout
    assert "C-1042" not in seen.stdout
    assert "<b>seen" not in seen.stdout
    # Its script asked for the living part, and no rule of the page's own policy was broken on the way.
    metrics = node.answer("GET", "/metrics", token=None).text
    refreshed = re.search(
        r'kizuna_http_requests_total{method="GET",route="/live",status="200"} (\d+)', metrics
    )
    assert refreshed is not None
    assert int(refreshed[1]) >= 2
    assert (
        re.findall(r".*(?:Content Security Policy|Uncaught|Failed to load|Refused to).*", seen.stderr) == []
    )


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (500, 1400)])
def test_the_page_can_be_looked_at(
    chromium: str, address: str, tmp_path: Path, width: int, height: int
) -> None:
    picture = tmp_path / "page.png"
    size = f"--window-size={width},{height}"
    browse(chromium, tmp_path / "profile", size, f"--screenshot={picture}", f"{address}/")
    content = picture.read_bytes()
    assert struct.unpack(">II", content[16:24]) == (width, height)
    assert len(content) > 20_000, "an empty page is far smaller"
