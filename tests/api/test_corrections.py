"""Imports and events of a real node, taken out, corrected, put back by command, with a node and without."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kizuna.schemas.admission import event_id_for
from tests.api.test_repairs import MAP, ROWS, page
from tests.node_process import NodeProcess, kizuna, kizuna_json


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    file, map_ = tmp_path / "sales.csv", tmp_path / "sales.yaml"
    file.write_text(ROWS)
    map_.write_text(MAP)
    return file, map_


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    with NodeProcess(tmp_path / "data") as running:
        yield running


def only(data: Path) -> dict[str, Any]:
    (one,) = kizuna_json("imports", "list", "--data", data)
    found: dict[str, Any] = one
    return found


def test_an_import_is_found_undone_and_imported_again(node: NodeProcess, files: tuple[Path, Path]) -> None:
    data, (file, map_) = node.data, files
    told = kizuna("import", file, "--map", map_, "--data", data)
    key = kizuna_json("keys", "create", "shop", "--data", data)["key"]
    assert node.post(key, [page(1)], "?wait=20s").json()["folded"] is True
    one = only(data)
    assert f"kizuna imports undo {one['id']}" in told.stderr
    assert (one["file"], one["rows"], one["events"], one["failed"]) == ("sales.csv", 5, 2, 3)
    assert one["id"] in kizuna("imports", "--data", data).stdout
    shown = kizuna("imports", "show", one["id"], "--data", data).stdout
    assert "order.completed" in shown
    assert "sales.csv" in shown
    assert "unmapped" in shown

    asked = ("imports", "undo", one["id"], "--data", data, "--reason", "of another shop")
    assert "2 events would be taken out" in kizuna(*asked, "--dry-run").stdout
    assert only(data)["undone_by"] is None
    done = kizuna(*asked)
    assert done.stdout == "2 events taken out\n"
    by = only(data)["undone_by"]
    assert f"kizuna events retract {by}" in done.stderr
    again = kizuna(*asked, check=False)
    assert again.returncode == 1
    assert "kizuna imports redo" in again.stderr
    assert kizuna_json("events", "show", by, "--data", data)["properties"]["reason"] == "of another shop"

    second = kizuna_json("import", file, "--map", map_, "--data", data)
    assert node.post(key, [page(2)], "?wait=20s").json()["folded"] is True
    listed = kizuna_json("imports", "list", "--data", data)
    assert [(its["id"], its["events"]) for its in listed] == [(second["import_id"], 2), (one["id"], 0)]
    node.stop()
    redone = kizuna_json("imports", "redo", one["id"], "--data", data)
    assert (redone["restored"], redone["taken_out"], redone["folded"]) == (2, 0, True)
    listed = kizuna_json("imports", "list", "--data", data)
    assert [its["events"] for its in listed] == [0, 2]
    nobody = kizuna("imports", "undo", "nobody", "--data", data, check=False)
    assert "kizuna imports list" in nobody.stderr


def test_an_event_is_corrected_and_taken_out_by_command(node: NodeProcess, tmp_path: Path) -> None:
    data = node.data
    key = kizuna_json("keys", "create", "shop", "--data", data)["key"]
    assert node.post(key, [page(1), page(2)], "?wait=20s").json()["folded"] is True
    first = str(event_id_for("shop", "m-1"))
    patch = tmp_path / "patch.json"
    patch.write_text('{"properties": {"path": "/tea"}}')
    asked = ("events", "correct", first, "--patch", patch, "--data", data, "--reason", "mistyped")
    dry = kizuna_json(*asked, "--dry-run")
    assert (dry["event"]["properties"]["path"], dry["folded"]) == ("/tea", False)
    done = kizuna_json(*asked)
    shown = kizuna_json("events", "show", first, "--data", data)
    assert (shown["standing"], shown["taken_out_by"]) == ("taken_out", done["events"][0])
    assert "taken_out" in kizuna("events", "show", first, "--data", data).stdout
    refused = kizuna(*asked, check=False)
    assert (refused.returncode, "taken out already" in refused.stderr) == (1, True)
    node.stop()
    undone = kizuna("events", "retract", done["events"][0], "--data", data)
    assert undone.stdout == "1 event taken out, 1 event put back\n"
    assert kizuna_json("events", "show", first, "--data", data)["standing"] == "counts"
    unknown = kizuna("events", "show", "00000000-0000-0000-0000-000000000009", "--data", data, check=False)
    assert (unknown.returncode, "the ids of events" in unknown.stderr) == (1, True)
