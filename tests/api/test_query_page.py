"""The front page and the index of the API as HTML: open to all, so they name nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.query.live import bars, mask
from kizuna.schemas.examples import example
from tests.api.query_node import QueryNode, query_node
from tests.api.query_walk import lively_node


class Links(HTMLParser):
    """Addresses that a page leads to or loads, and what it must not have."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.inline: list[str] = []
        self._within = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.addresses.add(value)
            if name == "style" or name.startswith("on"):
                self.inline.append(f"{tag} {name}")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryNode]:
    with lively_node(tmp_path_factory.mktemp("lively")) as node:
        yield node


@pytest.mark.parametrize("path", ["/", "/live", "/api"])
def test_pages_are_open_and_load_nothing_from_elsewhere(node: QueryNode, path: str) -> None:
    response = node.answer("GET", path, token=None)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    found = Links(response.text)
    assert found.inline == []
    assert all(re.match(r"/(?!/)|#", address) for address in found.addresses), found.addresses
    for address in found.addresses:
        assert node.answer("GET", address, token=None).status_code == 200, address


@pytest.mark.parametrize("path", ["/", "/live"])
def test_the_front_page_tells_what_the_status_tells(node: QueryNode, path: str) -> None:
    status = node.get("/api/status")
    text = node.answer("GET", path, token=None).text
    counts = dict(re.findall(r'<b id="(\w+)">([\d,]+)</b>', text))
    assert {name: int(count.replace(",", "")) for name, count in counts.items()} == {
        name: status[name] for name in ("events", "profiles", "companies", "duplicates", "failed_events")
    }
    assert "2026-05-01 21:00:00" in text, "T in the workspace's zone"
    assert "Asia/Tokyo" in text
    assert "live" in text


def test_the_front_page_names_nobody(node: QueryNode) -> None:
    text = node.answer("GET", "/", token=None).text
    for said in ("C-1042", "hanako", "佐藤", "9900112233", "2025550143", "ken.mori", "5f1d7a3e"):
        assert said not in text
    assert "user_id</span> C•••2" in text
    assert "email</span> h•••m" in text
    profile = node.look_up("user_id", "C-1042")["id"]
    assert profile in text


def test_what_senders_say_is_text_never_markup(tmp_path: Path) -> None:
    with query_node(tmp_path) as node:
        node.submit(
            {"type": "page.viewed", "ids": {"user_id": "<img src=x onerror=alert(1)>"}, "properties": {}}
        )
        node.submit(example("page.viewed"), {"type": "<b>"}, source="<script>alert(1)</script>")
        node.fold()
        text = node.answer("GET", "/", token=None).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "<img" not in text


def test_an_empty_node_says_what_to_do(tmp_path: Path) -> None:
    with query_node(tmp_path) as node:
        text = node.answer("GET", "/", token=None).text
        assert "Nothing has been folded yet." in text
        assert "catching up" in text
        assert "kizuna keys create" in text


def test_the_index_lists_every_route_with_its_example(node: QueryNode) -> None:
    text = node.answer("GET", "/api", token=None).text
    openapi = node.ask("GET", "/api/openapi.json", token=None)
    for path, methods in openapi["paths"].items():
        assert f"<code>{path}</code>" in text
        for said in methods.values():
            assert f'id="{said["operationId"]}"' in text
    assert "&#34;next_cursor&#34;" in text


@given(st.text(min_size=1, max_size=50))
def test_a_mask_shows_two_characters_at_most(value: str) -> None:
    shown = mask(value).replace("•••", "", 1)
    assert len(shown) == (2 if len(value) >= 6 else 0)
    assert shown in ("", value[0] + value[-1])


@given(st.lists(st.integers(0, 10**6), max_size=60), st.integers(1, 60))
def test_bars_fill_the_chart_and_show_whatever_there_is(numbers: list[int], height: int) -> None:
    drawn = bars(numbers, height)
    assert len(drawn) == len(numbers)
    for number, (_, top, tall) in zip(numbers, drawn, strict=True):
        assert top + tall == height
        assert (tall > 0) == (number > 0)
        assert tall <= height
    if any(numbers):
        assert max(tall for _, _, tall in drawn) == height
