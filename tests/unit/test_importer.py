"""The importer: durable, resumable after a kill, and alone with its file."""

from __future__ import annotations

import fcntl
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import LogIdentity, NewRecord, TopicPartition
from kizuna.eventlog.topics import FAILED_EVENTS, TOUCHPOINTS
from kizuna.ingest import importer
from kizuna.ingest.importer import Progress
from kizuna.schemas.errors import ConfigurationError, LogUnavailable
from tests.importing import BEGAN, Imported, a_map, envelopes, import_file, memory_log, rule

ROWS = 1_000
MAP = a_map(
    events=[
        rule(
            natural_key=["n"],
            occurred_at="at",
            properties={"n": {"column": "n", "type": "integer"}, "text": "text"},
        )
    ]
)


class FailingLog(MemoryLog):
    """Takes so many appends, then no more."""

    takes = 0

    def append(self, topic: str, records: Sequence[NewRecord]) -> Future[list[TopicPartition]]:
        if self.takes == 0:
            future: Future[list[TopicPartition]] = Future()
            future.set_exception(LogUnavailable("The disk is full."))
            return future
        self.takes -= 1
        return super().append(topic, records)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Every tenth row cannot be mapped."""
    path = tmp_path / "rows.csv"
    lines = [
        f"2026-01-01 00:{n // 60 % 60:02}:{n % 60:02},{n if n % 10 else 'x'},text {n}" for n in range(ROWS)
    ]
    path.write_text("at,n,text\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "BATCH_RECORDS", 100)


def failing(takes: int) -> FailingLog:
    log = FailingLog(clock=lambda: 0, identity=LogIdentity(UUID(int=7), 0))
    log.takes = takes
    return log


def told(imported: Imported) -> tuple[int, int, int]:
    return imported.report.rows, imported.report.events, imported.report.failed


def test_everything_is_in_the_log_and_counted(tmp_path: Path, file: Path) -> None:
    imported = import_file(file, MAP, tmp_path / "imports")
    assert told(imported) == (ROWS, 900, 100)
    assert len(imported.events) == 900
    assert len(imported.failed) == 100
    assert imported.report.resumed_at == 0
    assert not imported.report.repeats
    assert len(imported.report.examples) == importer.EXAMPLES


def test_every_record_tells_its_import(tmp_path: Path, file: Path) -> None:
    imported = import_file(file, MAP, tmp_path / "imports")
    for record in (*imported.events, *imported.failed):
        assert record["import_id"] == imported.report.import_id
        assert record["received_at"] == "2026-03-14T12:00:00.000000Z"
        assert record["source"] == "shop"
    assert {record["file"] for record in imported.failed} == {"rows.csv"}
    assert all(record["rights"] == "secret" for record in imported.events)


@pytest.mark.parametrize("takes", [0, 1, 3, 7, 19])
def test_a_stopped_import_goes_on_where_it_stood(tmp_path: Path, file: Path, takes: int) -> None:
    log = failing(takes + 1)  # the first one describes the import
    with pytest.raises(LogUnavailable):
        import_file(file, MAP, tmp_path / "imports", log=log)
    log.takes = -1
    later = BEGAN + timedelta(hours=1)
    resumed = import_file(file, MAP, tmp_path / "imports", log=log, began=later)
    whole = import_file(file, MAP, tmp_path / "others")
    assert told(resumed) == told(whole)
    # Batches have an append of events and one of failures; the last one may be there without its cursor.
    assert resumed.report.resumed_at == max(0, (takes - 1) // 2 if takes % 2 else takes // 2) * 100
    assert resumed.report.received_at == BEGAN
    for topic in (TOUCHPOINTS, FAILED_EVENTS):
        held, wanted = envelopes(log, topic), envelopes(whole.log, topic)
        assert sorted(map(str, wanted)) == sorted({str(one): one for one in held})
        assert len(held) - len(wanted) <= 200  # what was appended twice carries the same ids and bodies


def test_a_finished_import_repeats_with_the_same_events(tmp_path: Path, file: Path) -> None:
    log = memory_log()
    first = import_file(file, MAP, tmp_path / "imports", log=log)
    later = BEGAN + timedelta(days=1)
    second = import_file(file, MAP, tmp_path / "imports", log=log, began=later)
    assert second.report.repeats
    assert second.report.received_at == later
    # So that undoing one leaves the other.
    assert second.report.import_id != first.report.import_id
    events = second.events
    assert len(events) == 1_800
    bodies = [(event["event_id"], event["body_hash"]) for event in events]
    assert bodies[:900] == bodies[900:]
    ids = [one["failed_id"] for one in second.failed]
    assert ids[:100] == ids[100:]


def test_another_file_or_map_is_another_import(tmp_path: Path, file: Path) -> None:
    one = import_file(file, MAP, tmp_path / "imports").report.import_id
    file.write_text(file.read_text() + "2026-01-02,1000,text\n")
    two = import_file(file, MAP, tmp_path / "imports").report.import_id
    three = import_file(file, a_map(events=[rule()]), tmp_path / "imports").report.import_id
    assert len({one, two, three}) == 3


def test_another_log_begins_anew(tmp_path: Path, file: Path) -> None:
    log = failing(10)
    with pytest.raises(LogUnavailable):
        import_file(file, MAP, tmp_path / "imports", log=log)
    other = MemoryLog(clock=lambda: 0, identity=LogIdentity(UUID(int=8), 0))
    imported = import_file(file, MAP, tmp_path / "imports", log=other)
    assert imported.report.resumed_at == 0
    assert len(imported.events) == 900


def test_a_log_restored_from_before_begins_anew(tmp_path: Path, file: Path) -> None:
    log = failing(10)
    with pytest.raises(LogUnavailable):
        import_file(file, MAP, tmp_path / "imports", log=log)
    imported = import_file(file, MAP, tmp_path / "imports", log=memory_log())
    assert imported.report.resumed_at == 0
    assert len(imported.events) == 900


def test_a_damaged_cursor_begins_anew(tmp_path: Path, file: Path) -> None:
    log = failing(10)
    with pytest.raises(LogUnavailable):
        import_file(file, MAP, tmp_path / "imports", log=log)
    (cursor,) = (tmp_path / "imports").glob("*.json")
    cursor.write_text("{")
    log.takes = -1
    assert import_file(file, MAP, tmp_path / "imports", log=log).report.resumed_at == 0


def test_a_dry_run_keeps_nothing_and_tells_the_same(tmp_path: Path, file: Path) -> None:
    dry = import_file(file, MAP, tmp_path / "imports", dry_run=True)
    assert (dry.events, dry.failed) == ([], [])
    assert not (tmp_path / "imports").exists()
    wet = import_file(file, MAP, tmp_path / "imports")
    assert told(dry) == told(wet)
    assert dry.report.examples == wet.report.examples


def test_nothing_but_the_cursor_is_left_behind(tmp_path: Path, file: Path) -> None:
    state = tmp_path / "imports"
    (state / "x").mkdir(parents=True)
    import_file(file, MAP, state)
    import_file(file, MAP, state)
    (cursor,) = state.glob("*.json")
    assert {path.name for path in state.iterdir()} == {"x", cursor.name, f"{cursor.stem}.lock"}


def test_the_same_import_runs_once_at_a_time(tmp_path: Path, file: Path) -> None:
    import_file(file, MAP, tmp_path / "imports")
    (lock,) = (tmp_path / "imports").glob("*.lock")
    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="is being imported"):
            import_file(file, MAP, tmp_path / "imports")


def test_progress_grows_to_the_end(tmp_path: Path, file: Path) -> None:
    seen: list[Progress] = []
    import_file(file, MAP, tmp_path / "imports", progress=seen.append)
    assert [one.stage for one in seen[:2]] == ["read", "arrange"]
    appends = [one for one in seen if one.stage == "append"]
    assert [one.rows for one in appends] == list(range(100, ROWS + 1, 100))
    assert {one.total for one in appends} == {ROWS}
    assert (appends[-1].events, appends[-1].failed) == (900, 100)


def test_an_event_larger_than_a_record_is_a_failed_event(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("g,text\n" + "".join(f"1,{'x' * 900}{n}\n" for n in range(3_000)) + "2,small\n")
    events = [rule(group_by=["g"], properties={"x": {"each_row": {"text": "text"}}})]
    imported = import_file(path, a_map(events=events), tmp_path / "imports")
    assert [one["code"] for one in imported.failed] == ["too_large"]
    assert len(imported.events) == 1
