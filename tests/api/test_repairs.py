"""Failed events of a real node, from every way in, repaired by command: every record of its log adds up."""

from __future__ import annotations

import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import EventLog, NewRecord
from kizuna.runtime.directory import DataDirectory
from kizuna.runtime.options import load_settings
from kizuna.runtime.wiring import opened_log
from kizuna.schemas.admission import event_id_for
from tests.node_process import KIZUNA, NodeProcess, environment, kizuna, kizuna_json

MAP = """
source: tills
events:
  - name: sale
    type: order.completed
    natural_key: [id]
    occurred_at: {column: time, type: moment}
    ids: {email: email}
    properties:
      order_id: id
      total: {column: amount, type: decimal}
      currency: currency
"""
ROWS = """id,time,email,amount,currency
1,2026-01-05T10:00:00Z,hanako.sato@example.com,35,EUR
2,2026-01-06T10:00:00Z,,12,EUR
3,soon,,1,EUR
4,2026-01-07T10:00:00Z,,7,euro
5,2026-01-08T10:00:00Z,,9,euro
"""


def page(number: int, **parts: Any) -> dict[str, Any]:
    return {
        "type": "page.viewed",
        "message_id": f"m-{number}",
        "ids": {"user_id": "C-1"},
        "properties": {"path": "/"},
        "occurred_at": "2026-03-01T00:00:00Z",
        **parts,
    }


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    """Its log holds events, duplicates, conflicts, and what HTTP, an import and the fold refused."""
    with NodeProcess(tmp_path / "data") as running:
        data = running.data
        key = kizuna_json("keys", "create", "shop", "--data", data)["key"]
        unknown = [page(n, type="page.seen") for n in range(10, 14)]
        sent = [page(1), page(1), page(2), page(2, properties={"path": "/other"}), *unknown, unknown[0]]
        assert running.post(key, sent).json()["refused"] == 5
        file, map_ = tmp_path / "sales.csv", tmp_path / "sales.yaml"
        file.write_text(ROWS)
        map_.write_text(MAP)
        for _ in range(2):  # the second time everything is there already
            assert kizuna_json("import", file, "--map", map_, "--data", data)["failed"] == 3
        with _log(data) as log:
            broken = {"type": "page.viewed", "ids": [{"kind": "user_id", "value": "C-1"}], "source": "edge"}
            records = [NewRecord(b"", json.dumps(broken).encode()), NewRecord(b"", b"\xff")]
            log.append(topics.TOUCHPOINTS, records).result()
        assert running.post(key, [page(3)], "?wait=20s").json()["folded"] is True
        yield running


def _log(data: Path) -> AbstractContextManager[EventLog]:
    directory = DataDirectory(data)
    return opened_log(directory, load_settings(directory))


def records(data: Path) -> dict[str, Counter[str]]:
    """Every record of touchpoints and failed events, read from the log: how many there are by source, and of
    what kind. A failed item that comes again, and a copy, is told by its id alone."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    seen: set[str] = set()
    with _log(data) as log:
        for at, its in log.bounds().items():
            if at.topic == topics.DEFINITIONS:
                continue
            for record in log.read(at.topic, at.partition, 0, its.end):
                try:
                    value = json.loads(record.value)
                except ValueError:
                    value = {}
                whole = "body_hash" in value or "failed_id" in value
                source = found[value["source"] if whole else "log"]
                if "repairs" in value:
                    source["readmitted"] += 1
                    continue
                source["records"] += 1
                name = value.get("failed_id") or value.get("event_id")
                source["again"] += name in seen
                seen.add(name or str(record.offset))
    return found


def test_every_record_adds_up_before_and_after_repairs(node: NodeProcess) -> None:
    data = node.data
    status = kizuna_json("status", "--data", data)
    account = status["account"]
    sources = {one["source"]: one for one in status["sources"]}
    counted = records(data)
    assert account["adds_up"] is True
    assert {name: one["records"] for name, one in sources.items()} == {
        name: one["records"] for name, one in counted.items()
    }
    assert account["records"] == 10 + 10 + 2
    terms = ("events", "duplicates", "failed_events")
    assert [sources["shop"][name] for name in terms] == [3, 2, 5]
    assert [sources["tills"][name] for name in terms] == [2, 5, 3]
    assert [sources["log"][name] for name in terms] == [0, 0, 2]
    # A conflict is a copy that is no duplicate.
    assert sum(one["again"] for one in counted.values()) == account["duplicates"] + 1

    groups = {one["code"]: one for one in kizuna_json("failed", "groups", "--data", data)}
    assert (groups["unknown_type"]["failed_events"], groups["unmapped"]["failed_events"]) == (4, 1)
    currency = next(
        one for one in kizuna_json("failed", "groups", "--data", data) if one["path"] == "properties.currency"
    )
    assert currency["failed_events"] == 2
    patch = '{"properties": {"currency": "EUR"}}'
    asked = ("failed", "repair", "--group", currency["group"], "--patch", patch, "--data", data)
    assert kizuna_json(*asked, "--dry-run")["accepted"] == 2
    done = kizuna_json(*asked)
    assert (done["accepted"], done["refused"], done["folded"]) == (2, 0, True)
    assert kizuna_json(*asked)["accepted"] == 0
    for one in kizuna_json("failed", "list", "--code", "conflict", "--data", data):
        assert kizuna_json("failed", "retry", one["id"], "--data", data)["accepted"] == 1
    first = kizuna_json("failed", "list", "--code", "unknown_type", "--data", data)[0]
    kizuna("failed", "repair", first["id"], "--patch", '{"type": "page.viewed"}', "--data", data)
    (edge,) = [
        one["id"]
        for one in kizuna_json("failed", "list", "--source", "log", "--data", data)
        if kizuna_json("failed", "show", one["id"], "--data", data)["item"].startswith("{")
    ]
    repaired = kizuna_json(
        "failed", "repair", edge, "--patch", '{"properties": {"path": "/edge"}}', "--data", data
    )
    assert repaired["results"][0]["event"]["source"] == "edge"

    status = kizuna_json("status", "--data", data)
    account, counted = status["account"], records(data)
    assert account["adds_up"] is True
    assert account["records"] == sum(one["records"] for one in counted.values()) == 22
    assert account["readmitted"] == sum(one["readmitted"] for one in counted.values()) == 5
    assert (account["events"], account["duplicates"], account["failed_events"]) == (10, 7, 5)
    assert (account["repaired"], account["retracted"]) == (5, 0)
    sources = {one["source"]: one for one in status["sources"]}
    # What the fold could not read is of the source that its repair told.
    assert [sources[name]["records"] for name in ("shop", "tills", "log", "edge")] == [10, 10, 1, 1]
    assert len(kizuna_json("failed", "list", "--repaired", "--data", data)) == 5
    report = kizuna_json("rebuild", "--verify", "--data", data)
    assert report["differences"] == {}
    assert kizuna_json("status", "--data", data)["account"] == account
    node.stop()
    assert kizuna_json("status", "--data", data)["account"] == account


def test_what_the_commands_say(node: NodeProcess) -> None:
    data = node.data
    grouped = kizuna("failed", "groups", "--data", data).stdout
    assert "unknown_type" in grouped
    first = kizuna_json("failed", "list", "--code", "unknown_type", "--data", data)[0]

    def refused(*arguments: object) -> str:
        done = kizuna("failed", *arguments, "--data", data, check=False)
        assert done.returncode == 1, done.stdout
        return done.stdout + done.stderr

    assert "with --patch, or with --item" in refused("repair", first["id"])
    assert "kizuna failed retry" in refused("repair", first["id"])
    assert "the ID of one, or filters, or --all" in refused("repair", "--patch", "{}")
    assert "the ID of one, or filters, or --all" in refused("retry", first["id"], "--all")
    assert "neither JSON nor a file" in refused("repair", first["id"], "--patch", "nowhere.json")
    assert "--patch is no JSON" in refused("repair", first["id"], "--patch", "{")
    assert "takes the place of one item" in refused("repair", "--all", "--item", "{}")
    assert "kizuna failed list" in refused("retry", "nobody")
    assert "no such event type" in refused("retry", first["id"])
    done = subprocess.run(
        [KIZUNA, "failed", "repair", first["id"], "--patch", "-", "--data", str(data)],
        input='{"type": "page.viewed"}',
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    assert "1 accepted, 0 refused" in done.stdout
    event = json.loads(done.stdout.partition("\n")[2])
    assert event["event_id"] in {str(event_id_for("shop", f"m-{number}")) for number in range(10, 14)}
    again = refused("retry", first["id"])
    assert "was repaired by event" in again
    assert "Each is re-admitted once" in again
    since = kizuna_json("failed", "list", "--since", "2100-01-01", "--data", data)
    assert since == []


def test_without_a_node_repairs_are_folded_by_the_command(node: NodeProcess) -> None:
    node.stop()
    data = node.data
    asked = (
        "failed",
        "repair",
        "--code",
        "unknown_type",
        "--patch",
        '{"type": "page.viewed"}',
        "--data",
        data,
    )
    assert kizuna_json(*asked)["accepted"] == 4
    assert kizuna_json(*asked)["accepted"] == 0, "each once, also by a second command"
    status = kizuna_json("status", "--data", data)
    assert (status["lag"], status["account"]["repaired"]) == (0, 4)
    assert status["account"]["adds_up"] is True
