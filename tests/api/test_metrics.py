"""Metrics: they say what the status says, and are there when something is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.group_commit import Append, GroupCommit
from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import Bounds, NewRecord, TopicPartition
from kizuna.processors.projector import Folded
from kizuna.query.api import create_app
from kizuna.schemas.errors import LogUnavailable
from tests.api.collector_node import collector_node
from tests.api.query_node import QueryNode, query_node
from tests.folding import LOG, NOW
from tests.node_process import NodeProcess, kizuna
from tests.scrape import samples


@pytest.fixture
def node(tmp_path: Path) -> Iterator[QueryNode]:
    with query_node(tmp_path, partitions=3) as node:
        yield node


def page(number: str, path: str = "/") -> dict[str, Any]:
    item = {"type": "page.viewed", "ids": {"user_id": "u-1"}, "properties": {"path": path}}
    return {**item, "message_id": number, "occurred_at": "2026-04-01T00:00:00Z"}


def scrape(node: QueryNode) -> dict[str, float]:
    response = node.answer("GET", "/metrics", token=None)
    assert response.headers["content-type"].startswith("text/plain; version=")
    return samples(response.text)


def at(node: QueryNode, now: datetime) -> None:
    """Let the API's clock stand there."""
    node.app = create_app(replace(node.services, clock=lambda: now))


def test_metrics_tell_what_the_status_tells(node: QueryNode) -> None:
    node.submit(page("1"), page("1"), page("2"), page("2", "/other"), page("1"), page("3"))
    node.submit({"type": "page.seen"}, {"type": "order.completed"}, page("4"), {"type": "page.seen", "n": 1})
    node.fold()
    later = NOW + timedelta(seconds=1)
    node.submit(page("3"), page("3", "/other"), page("2", "/other"), received_at=later)
    node.fold()
    status = node.get("/api/status")
    told = scrape(node)
    conflicts = 3
    assert told["kizuna_events"] == status["events"] == 4
    assert told["kizuna_profiles"] == status["profiles"] == 1
    assert told["kizuna_companies"] == 0
    assert told["kizuna_fold_duplicates_total"] == status["duplicates"] == 3
    assert told["kizuna_fold_conflicts_total"] == conflicts
    refused = {code: told[f'kizuna_failed_events{{code="{code}"}}'] for code in ("unknown_type", "invalid")}
    assert refused == {"unknown_type": 1, "invalid": 2}
    assert sum(refused.values()) + conflicts == status["failed_events"]
    assert told['kizuna_fold_failed_events_total{code="invalid"}'] == 2
    assert told["kizuna_lag_records"] == told["kizuna_lag_seconds"] == 0
    assert told["kizuna_as_of_timestamp_seconds"] == NOW.timestamp()
    assert told["kizuna_fold_batches_total"] >= 2
    assert told['kizuna_fold_seconds_total{stage="commit"}'] > 0
    assert told["kizuna_projector_up"] == 1
    assert told['kizuna_readable{part="log"}'] == told['kizuna_readable{part="store"}'] == 1
    offsets = sum(value for name, value in told.items() if name.startswith("kizuna_position{"))
    ends = sum(value for name, value in told.items() if name.startswith("kizuna_log_end{"))
    assert offsets == ends == sum(its.end for its in node.log.bounds().values())


def test_requests_are_counted_by_the_template_of_their_route(node: QueryNode) -> None:
    node.fold()
    node.get("/api/status")
    node.ask("GET", f"/api/profiles/{'0' * 32}", 404)
    node.ask("GET", "/nowhere/hanako@example.com", 404)
    told = scrape(node)
    route = 'method="GET",route="/api/status",status="200"'
    assert told[f"kizuna_http_requests_total{{{route}}}"] == 1
    profile = 'method="GET",route="/api/profiles/{profile_id}",status="404"'
    assert told[f"kizuna_http_requests_total{{{profile}}}"] == 1
    assert told['kizuna_http_requests_total{method="any",route="none",status="404"}'] == 1
    assert told['kizuna_http_request_seconds_count{route="/api/status"}'] == 1
    assert not any("hanako" in name for name in told)


def test_lag_is_told_in_records_and_in_seconds(node: QueryNode) -> None:
    node.fold()
    node.submit(*(page(str(number)) for number in range(5)))
    at(node, NOW + timedelta(seconds=90))
    told = scrape(node)
    assert (told["kizuna_lag_records"], told["kizuna_lag_seconds"]) == (5, 90)
    assert told["kizuna_clock_timestamp_seconds"] == NOW.timestamp() + 90
    node.fold()
    told = scrape(node)
    assert (told["kizuna_lag_records"], told["kizuna_lag_seconds"]) == (0, 0)


def test_freshness_is_the_age_of_the_oldest_record_of_a_batch(tmp_path: Path) -> None:
    with query_node(tmp_path) as node:
        node.fold()
        before = scrape(node)
        node.submit(page("1"), page("2"))
        node.projector._clock = lambda: NOW + timedelta(seconds=7)
        node.fold()
        after = scrape(node)
    told = {name: after[name] - before[name] for name in after if name.startswith("kizuna_freshness_")}
    assert told["kizuna_freshness_seconds_count"] == 1
    assert told["kizuna_freshness_seconds_sum"] == 7
    assert told['kizuna_freshness_seconds_bucket{le="5.0"}'] == 0
    assert told['kizuna_freshness_seconds_bucket{le="10.0"}'] == 1


def test_a_watcher_is_told_of_each_batch_and_its_stages(node: QueryNode) -> None:
    seen: list[Folded] = []
    node.projector.watch = seen.append
    node.submit(page("1"), page("2"))
    node.fold()
    node.submit(page("3"))
    node.fold()
    assert [one.records for one in seen][-1] == 1
    for one in seen:
        names = {stage.name for stage in one.stages}
        assert names >= {"decode", "take", "duplicates", "subjects", "keep", "traits", "commit"}
        within = [stage for stage in one.stages if stage.name != "decode"]
        assert all(one.began <= stage.began <= stage.ended <= one.ended for stage in within)
    assert seen[0].ended <= seen[-1].began


def test_counts_go_on_when_the_store_is_swapped(node: QueryNode) -> None:
    node.submit(page("1"), page("1"))
    node.fold()
    before = scrape(node)
    node.projector.adopt()
    after = scrape(node)
    for name in ('kizuna_fold_seconds_total{stage="commit"}', "kizuna_fold_duplicates_total"):
        assert after[name] == before[name] > 0


def test_a_store_that_cannot_be_read_leaves_the_rest(node: QueryNode) -> None:
    node.fold()
    node.store.close()
    told = scrape(node)
    assert told['kizuna_readable{part="store"}'] == 0
    assert told['kizuna_readable{part="log"}'] == 1
    assert "kizuna_events" not in told
    assert "kizuna_lag_records" not in told
    assert told["kizuna_disk_free_bytes"] > 0
    assert told["kizuna_projector_up"] == 1


class Unavailable(MemoryLog):
    """It answers while it is `there`."""

    there = True

    def bounds(self) -> dict[TopicPartition, Bounds]:
        if not self.there:
            raise LogUnavailable("the disk is gone", hint="")
        return super().bounds()


def test_a_log_that_cannot_be_read_leaves_the_rest(node: QueryNode) -> None:
    log = Unavailable({topics.TOUCHPOINTS: 1}, clock=lambda: 0, identity=LOG)
    node.app = create_app(replace(node.services, log=log))
    node.fold()
    log.there = False
    told = scrape(node)
    assert told['kizuna_readable{part="log"}'] == 0
    assert told['kizuna_readable{part="store"}'] == 1
    assert "kizuna_lag_records" not in told
    assert told["kizuna_events"] == 0


def test_the_log_counts_what_it_makes_durable_and_what_it_cannot(node: QueryNode) -> None:
    failure: list[Exception] = []

    def commit(group: object) -> None:
        if failure:
            raise failure[0]

    before = scrape(node)
    writer = GroupCommit(commit, committed=lambda: None, pause_ms=0)
    lane = TopicPartition(topics.TOUCHPOINTS, 0)
    writer.submit([lane, lane], [NewRecord(b"", b"a"), NewRecord(b"", b"b")]).result(10)
    failure.append(LogUnavailable("full", hint=""))
    writer.submit([lane], [NewRecord(b"", b"c")]).exception(10)
    writer.close()
    after = scrape(node)
    told = {name: after[name] - before[name] for name in after if name.startswith("kizuna_log_")}
    assert told["kizuna_log_records_total"] == 2
    assert told["kizuna_log_failed_commits_total"] == 1
    assert told["kizuna_log_commit_seconds_count"] == told["kizuna_log_append_seconds_count"] == 2


def test_an_append_is_timed_from_when_it_came(node: QueryNode) -> None:
    """The disk takes 30 ms a group, and the second append has to wait for the first."""
    before = scrape(node)
    ran: list[int] = []

    def commit(group: list[Append]) -> None:
        ran.append(len(group))
        time.sleep(0.03)

    writer = GroupCommit(commit, committed=lambda: None, pause_ms=0)  # type: ignore[arg-type]
    lane = TopicPartition(topics.TOUCHPOINTS, 0)
    first = writer.submit([lane], [NewRecord(b"", b"a")])
    while not ran:
        time.sleep(0.001)
    second = writer.submit([lane], [NewRecord(b"", b"b")])
    first.result(10)
    second.result(10)
    writer.close()
    after = scrape(node)
    name = "kizuna_log_{}_seconds_sum"
    commits, appends = (after[one] - before[one] for one in (name.format("commit"), name.format("append")))
    assert 0.06 <= commits <= appends
    assert appends >= 0.08


def test_the_collector_counts_items_by_rights_and_fate(tmp_path: Path) -> None:
    folder = tmp_path / "asked"
    folder.mkdir()
    with collector_node(tmp_path) as node, query_node(folder) as asked:
        before = scrape(asked)
        item = {"type": "page.viewed", "ids": {"anonymous_id": "a1"}, "properties": {"path": "/tea"}}
        assert node.post([item, item, {"type": "page.seen"}]).status_code == 200
        public = {"authorization": f"Bearer {node.public}"}
        assert node.request(json=[item], headers=public).status_code == 200
        assert node.post("{").status_code == 400
        after = scrape(asked)
    told = {name: number - before.get(name, 0) for name, number in after.items()}
    kept = 'kizuna_collector_items_total{code="%s",rights="%s"}'
    assert told[kept % ("accepted", "secret")] == 2
    assert told[kept % ("unknown_type", "secret")] == 1
    assert told[kept % ("accepted", "public")] == 1
    assert told['kizuna_collector_requests_total{status="200"}'] == 2
    assert told['kizuna_collector_requests_total{status="400"}'] == 1
    assert told["kizuna_collector_request_seconds_count"] == 3


def test_a_node_tells_of_its_disk_and_its_memory(tmp_path: Path) -> None:
    with NodeProcess(tmp_path / "data") as node:
        key = kizuna("keys", "create", "web", "--data", node.data).stdout.strip()
        assert node.post(key, [page("1")], "?wait=10s").json()["accepted"] == 1
        response = httpx.get(f"{node.address}/metrics")
        told = samples(response.text)
        sizes = {path.name: path.stat().st_size for path in node.data.iterdir() if path.is_file()}
        rss = node.memory
    log = sum(size for name, size in sizes.items() if name.startswith("log.sqlite"))
    store = sum(size for name, size in sizes.items() if name.startswith("store.duckdb"))
    # T moves meanwhile, so the store's write-ahead log may grow between the two looks.
    assert told['kizuna_disk_bytes{part="log"}'] == pytest.approx(log, abs=100_000)
    assert told['kizuna_disk_bytes{part="store"}'] == pytest.approx(store, abs=100_000)
    assert min(log, store) > 10_000
    assert told['kizuna_disk_bytes{part="archive"}'] == 0
    assert told["kizuna_disk_size_bytes"] > told["kizuna_disk_free_bytes"] > 0
    assert told["process_resident_memory_bytes"] == pytest.approx(rss, rel=0.2)
    assert told["kizuna_log_records_total"] >= 1
    assert told['kizuna_collector_items_total{code="accepted",rights="secret"}'] == 1
    assert told["kizuna_ready"] == 1
    assert "hanako" not in response.text


def test_an_idle_store_is_put_in_order_and_it_is_timed(node: QueryNode) -> None:
    node.submit(page("1"))
    node.fold()
    before = scrape(node)
    assert node.store.pending() > 0
    assert node.store.checkpoint()
    after = scrape(node)
    name = "kizuna_store_checkpoint_seconds"
    assert after[f"{name}_count"] - before[f"{name}_count"] == 1
    assert after[f"{name}_sum"] > before[f"{name}_sum"]
    assert before["kizuna_store_wal_bytes"] > 0 == after["kizuna_store_wal_bytes"]
