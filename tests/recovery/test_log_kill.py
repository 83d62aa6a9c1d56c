"""What was acknowledged is in the log exactly once, whoever was killed and however many wrote at once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from kizuna.eventlog import topics
from kizuna.eventlog.port import Record, TopicPartition
from kizuna.eventlog.sqlite import SqliteLog

APPENDER = Path(__file__).with_name("log_appender.py")
LANE = TopicPartition(topics.TOUCHPOINTS, 0)
THREADS = 4


def start(path: Path, name: str, batches: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, str(APPENDER), str(path), name, str(THREADS), str(batches)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def open_log(path: Path) -> SqliteLog:
    return SqliteLog(path, clock=lambda: 0, new_id=lambda: UUID(int=1))


def read_all(path: Path) -> list[Record]:
    """Every record, its checksum verified; offsets without holes."""
    log = open_log(path)
    records: list[Record] = []
    while read := log.read(*LANE, len(records), 1_000):
        records += read
    assert [record.offset for record in records] == list(range(log.bounds()[LANE].end))
    log.close()
    return records


def kept_batches(records: Iterable[Record]) -> Counter[str]:
    """How many times each batch is kept; a batch of which only a part is kept fails."""
    found: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for record in records:
        written_by, place, of = record.value.decode().split(" ")[0].rsplit("/", 2)
        found[written_by, int(of)].append(int(place))
    copies = Counter({batch: len(places) // size for (batch, size), places in found.items()})
    for (batch, size), places in found.items():
        assert places == list(range(size)) * copies[batch]
    return copies


def test_nothing_acknowledged_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    chance = random.Random(20260131)
    acknowledged: set[str] = set()
    for kill in range(5):
        process = start(path, f"run{kill}")
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.15))
        process.kill()
        rest = process.stdout.read()
        assert process.wait() == -9
        process.stdout.close()
        acknowledged |= set((first + rest).split())

        kept = kept_batches(read_all(path))
        assert set(kept.values()) == {1}
        assert acknowledged <= kept.keys()
        in_flight = kept.keys() - acknowledged
        assert len(in_flight) <= THREADS * (kill + 1)
    assert len(acknowledged) > 100


def test_processes_append_at_once(tmp_path: Path) -> None:
    """They make the file at once, too."""
    path = tmp_path / "log.sqlite"
    processes = [start(path, name, batches=60) for name in ("left", "middle", "right")]
    printed = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    records = read_all(path)
    assert kept_batches(records) == Counter(batch for lines in printed for batch in lines)
    assert sum(len(lines) for lines in printed) == 3 * THREADS * 60
    recorded = [record.recorded_at for record in records]
    assert recorded == sorted(recorded)


def test_the_work_of_another_process_is_noticed(tmp_path: Path) -> None:
    log = open_log(tmp_path / "log.sqlite")
    log.wait(0)
    process = start(tmp_path / "log.sqlite", "other", batches=1)
    log.wait(60)
    assert log.bounds()[LANE].end > 0
    assert process.communicate(timeout=60)
    log.close()
