"""Import a file in a test: into a log in memory, and back out as a reader of the topics sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import EventLog, LogIdentity
from kizuna.eventlog.topics import FAILED_EVENTS, TOUCHPOINTS
from kizuna.ingest.importer import ImportReport, Progress, run_import
from kizuna.ingest.map_file import MapFile, load_map, parse_map

BEGAN = datetime(2026, 3, 14, 12, tzinfo=UTC)
EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
WORKSPACE_KEY = "5b" * 32


@dataclass(frozen=True)
class Imported:
    """What the log holds, and what the import said."""

    report: ImportReport
    log: MemoryLog

    @property
    def events(self) -> list[dict[str, Any]]:
        return envelopes(self.log, TOUCHPOINTS)

    @property
    def failed(self) -> list[dict[str, Any]]:
        return envelopes(self.log, FAILED_EVENTS)

    @property
    def properties(self) -> list[dict[str, Any]]:
        return [event["properties"] for event in self.events]


def memory_log() -> MemoryLog:
    return MemoryLog(clock=lambda: 0, identity=LogIdentity(UUID(int=7), 0))


def envelopes(log: EventLog, topic: str) -> list[dict[str, Any]]:
    return [json.loads(record.value) for record in log.read(topic, 0, 0, 10_000_000)]


def example(name: str) -> MapFile:
    return load_map(EXAMPLES / f"{name}.yaml")


def tills_map(currency: str) -> str:
    """A map for a file of sales, with the columns receipt, time, card and amount."""
    return f"""
source: tills
time_zone: Asia/Tokyo
events:
  - name: sale
    type: order.completed
    natural_key: [receipt]
    occurred_at: {{column: time, type: moment, format: "%Y-%m-%d %H:%M:%S"}}
    ids: {{card: card}}
    properties:
      order_id: receipt
      total: {{column: amount, type: decimal}}
      currency: {{constant: {currency}}}
"""


def a_map(**parts: Any) -> MapFile:
    """A map of source `shop`; without events it makes `custom.row` of every row, with the column `at`."""
    events = [{"name": "row", "type": "custom.row", "occurred_at": "at"}]
    return parse_map(
        yaml.safe_dump({"source": "shop", "events": events, **parts}, sort_keys=False), "map.yaml"
    )


def rule(**parts: Any) -> dict[str, Any]:
    return {"name": "row", "type": "custom.row", "occurred_at": {"constant": "2026-01-02"}, **parts}


def import_file(
    path: Path,
    map_file: MapFile,
    state_dir: Path,
    *,
    log: MemoryLog | None = None,
    began: datetime = BEGAN,
    dry_run: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Imported:
    log = log or memory_log()
    report = run_import(
        path,
        map_file,
        log,
        WORKSPACE_KEY,
        clock=lambda: began,
        state_dir=state_dir,
        dry_run=dry_run,
        progress=progress,
    )
    return Imported(report, log)


def import_text(folder: Path, text: str | bytes, map_file: MapFile, name: str = "rows.csv") -> Imported:
    """Import a small file with this content."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_file(path, map_file, folder / "imports")
