"""The front page and the index of the API as HTML: open to all, so they name nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.query.front import environment
from kizuna.query.live import CAP, Lookout, bars, mask
from kizuna.query.snapshots import Snapshots
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


def test_the_index_reads_well(node: QueryNode) -> None:
    text = node.answer("GET", "/api", token=None).text
    leads = dict(
        re.findall(r'<details id="(\w+)">.*?<span class="quiet">(.*?)</span></summary>', text, re.DOTALL)
    )
    assert leads["list_profiles"].startswith("Profiles, those last seen first")
    assert leads["list_companies"].startswith("Companies, those last seen first")
    assert leads["list_orders"] == "Orders, the newest by their own date first"
    assert "`" not in text
    assert "<code>name=value</code>" in text
    openapi = node.ask("GET", "/api/openapi.json", token=None)
    taking = {
        said["operationId"]
        for methods in openapi["paths"].values()
        for said in methods.values()
        if "requestBody" in said
    }
    shown = dict(re.findall(r'<details id="(\w+)">(.*?)</details>', text, re.DOTALL))
    assert {name for name, html in shown.items() if "Content-Type: application/json" in html} == taking
    assert "&#34;value&#34;: &#34;C-1042&#34;" in shown["look_up_profile"].split("Answer:")[0]


def test_the_index_shows_commands_with_the_address_that_was_asked(node: QueryNode) -> None:
    def shown(**headers: str) -> str:
        return node.answer("GET", "/api", token=None, extra=headers).text

    assert "http://127.0.0.1:18350/api/status</pre>" in shown(host="127.0.0.1:18350")
    assert "http://crm.example.com/api/status</pre>" in shown(host="crm.example.com")
    hostile = shown(host="<script>alert(1)</script>")
    assert "<script>alert" not in hostile
    assert "http://&lt;script&gt;alert(1)&lt;/script&gt;/api/status" in hostile
    assert "attacker" not in shown(**{"x-forwarded-host": "attacker"})


@given(st.text(min_size=1, max_size=50))
def test_a_mask_shows_two_characters_at_most(value: str) -> None:
    shown = mask(value).replace("•••", "", 1)
    assert len(shown) == (2 if len(value) >= 6 else 0)
    assert shown in ("", value[0] + value[-1])


@given(st.lists(st.integers(0, 10**6), max_size=60), st.integers(1, 60))
def test_bars_fill_the_chart_and_show_whatever_there_is(numbers: list[int], height: int) -> None:
    drawn = bars(numbers, height)
    assert len(drawn) == len(numbers)
    assert [bar.number for bar in drawn] == numbers
    for bar in drawn:
        assert bar.top + bar.height == height
        assert (bar.height > 0) == (bar.number > 0)
        assert bar.height <= height
        assert not bar.capped or bar.height == height
    if any(numbers):
        assert max(bar.height for bar in drawn) == height


def test_a_burst_is_cut_off_so_that_the_other_bars_can_be_told_apart() -> None:
    minutes = [0, 0, 8_000, 180, 90, 180, 170]
    drawn = bars(minutes, 48)
    assert [bar.capped for bar in drawn] == [number == 8_000 for number in minutes]
    assert [bar.height for bar in drawn] == [0, 0, 48, 16, 8, 16, 15], "of three times 170"
    assert not any(bar.capped for bar in bars([100, 100 * CAP, 100], 48))
    assert [bar.height for bar in bars([8_000, 180], 48)] == [48, 16], "a minute after the burst too"
    assert bars([], 48) == []


def test_a_bar_that_is_cut_off_is_marked_and_tells_its_number(node: QueryNode) -> None:
    live = Lookout(node.services, Snapshots(node.store)).look()

    def drawn(minutes: list[int]) -> tuple[list[tuple[str, str]], str]:
        html = environment().get_template("live.html").render(live=replace(live, minutes=minutes))
        return re.findall(r"<rect(.*?) x=.*?<title>(.*?)</title>", html), html

    found, html = drawn([0, 8_000, 180, 170])
    assert found == [(' class="capped"', "8,000 (cut off)"), ("", "180"), ("", "170")]
    assert "8,000 in the busiest minute (cut off)" in " ".join(html.split())
    found, html = drawn([180, 0, 170])
    assert found == [("", "180"), ("", "170")]
    assert "cut off" not in html
