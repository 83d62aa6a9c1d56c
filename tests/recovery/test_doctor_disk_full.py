"""The doctor on a disk that is full: it says so, and looks at the rest."""

from __future__ import annotations

import json
from pathlib import Path

from tests.node_process import kizuna
from tests.recovery.conftest import SmallDisk


def examined(data: Path) -> dict[str, dict[str, str]]:
    told = kizuna("doctor", "--data", data, "--json", check=False)
    assert told.returncode == 1, "96 MB are little, full or not"
    assert "Traceback" not in told.stderr
    return {one["check"]: one for one in json.loads(told.stdout)["findings"]}


def test_the_doctor_names_a_full_disk(small_disk: SmallDisk) -> None:
    data = small_disk.path / "data"
    kizuna("keys", "create", "web", "--data", data)
    small_disk.fill()
    full = examined(data)
    assert full["disk"]["verdict"] == "bad"
    assert full["disk"]["found"] == "0.0 GB free"
    assert full["disk"]["advice"] == "Free space: without it the node takes no events."
    assert full["workspace key"]["verdict"] == full["port"]["verdict"] == "good"
    # Opening a log takes a page of room for those who share it.
    assert full["log"]["verdict"] == "bad"
    assert "space" in full["log"]["advice"]
    small_disk.free()
    assert examined(data)["log"]["verdict"] == "good"
