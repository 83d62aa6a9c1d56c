"""Backups, also of a running node, and what is restored: truth is what a client was told, and the log."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from random import Random
from uuid import UUID

import orjson
import pyarrow as pa
import pytest

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord, Record
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.runtime.backup_file import unpack
from kizuna.schemas.admission import event_id_for
from kizuna.schemas.errors import ConfigurationError
from tests.node_process import KIZUNA, NodeProcess, environment, kizuna, kizuna_json
from tests.recovery.client import Client, folded
from tests.recovery.conftest import SmallDisk

RECORDS = 2_000


def opened(data: Path, at: int = 1) -> SqliteLog:
    return SqliteLog(data / "log.sqlite", clock=lambda: at, new_id=lambda: UUID(int=7))


def touchpoints(data: Path) -> list[Record]:
    with closing(opened(data)) as log:
        found, end = [], log.bounds()
        for at, its in end.items():
            offset = its.first
            while at.topic == topics.TOUCHPOINTS and offset < its.end:
                records = log.read(at.topic, at.partition, offset, 10_000)
                found += list(records)
                offset = records[-1].offset + 1
        return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A directory with a log of some records that no node has run on."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "workspace.key").write_text("5b" * 32)
    (data / "kizuna.toml").write_text("port = 8099\n")
    with closing(opened(data)) as log:
        for number in range(RECORDS // 500):
            records = [NewRecord(b"", f"{number}/{n}".encode() * 9) for n in range(500)]
            log.append(topics.TOUCHPOINTS, records).result()
    return data


@pytest.fixture
def backup(data: Path, tmp_path: Path) -> Path:
    file = tmp_path / "backup.tar.zst"
    kizuna("backup", file, "--data", data)
    return file


def test_a_backup_of_a_busy_node_restored_answers_and_once_promoted_goes_on(tmp_path: Path) -> None:
    data, other, file = tmp_path / "data", tmp_path / "other", tmp_path / "backup.tar.zst"
    with NodeProcess(data) as node:
        key = kizuna_json("keys", "create", "shop", "--data", data)["key"]
        clients = [Client(node, key, seed) for seed in (1, 2)]
        for client in clients:
            client.start()
        time.sleep(1)
        before = [message for client in clients for message in list(client.acknowledged)]
        told = kizuna_json("backup", file, "--data", data)
        for client in clients:
            client.finish()
        assert node.stop() == 0
    assert oct(file.stat().st_mode)[-3:] == "600"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["backup.tar.zst", "data", "data.log"]

    kizuna("restore", file, "--data", other)
    whole, copied = touchpoints(data), touchpoints(other)
    assert copied == whole[: len(copied)]
    assert told["records"] >= len(copied) >= len(before) > 0

    with NodeProcess(other) as node:
        status = folded(other)
        assert status["role"] == "replica"
        assert status["events"] == len(copied)
        known = set(node_events(other))
        assert {event_id_for("shop", message) for message in before} <= known
        item: dict[str, object] = {"type": "page.viewed", "message_id": "later", "properties": {"path": "/"}}
        refused = node.post(key, [{**item, "ids": {"anonymous_id": "a"}}])
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert "kizuna promote" in refused.text
        assert kizuna("keys", "create", "more", "--data", other, check=False).returncode == 1
        assert touchpoints(other) == copied
        assert kizuna_json("promote", "--data", other)["epoch"] == 2
        assert node.post(key, [{**item, "ids": {"anonymous_id": "a"}}]).status_code == 200
        assert folded(other)["role"] == "owner"
        assert kizuna_json("rebuild", "--verify", "--data", other)["differences"] == {}
        assert node.stop() == 0
    assert len(touchpoints(other)) == len(copied) + 1
    assert touchpoints(data) == whole


def node_events(data: Path) -> Iterator[UUID]:
    """The ids of all events in the log, as it was written."""
    return (UUID(orjson.loads(one.value)["event_id"]) for one in touchpoints(data))


def test_what_was_backed_up_is_what_is_restored(data: Path, backup: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    said = kizuna_json("restore", backup, "--data", other)
    assert said["records"] == RECORDS
    assert touchpoints(other) == touchpoints(data)
    for name in ("workspace.key", "kizuna.toml"):
        assert (other / name).read_bytes() == (data / name).read_bytes()
    names = ["kizuna.toml", "log.sqlite", "workspace.key"]
    assert sorted(one.name for one in other.iterdir() if not one.name.startswith("log.sqlite-")) == names
    assert oct(other.stat().st_mode)[-3:] == "700"
    assert {oct(one.stat().st_mode)[-3:] for one in other.iterdir()} == {"600"}


def test_a_backup_is_read_by_tar(backup: Path) -> None:
    """Whoever has no Kizuna any more still has the data."""
    with pa.CompressedInputStream(pa.OSFile(str(backup), "rb"), "zstd") as packed:
        content = packed.read()
    with tarfile.open(fileobj=BytesIO(content)) as tar:
        assert tar.getnames() == [
            "manifest.json", "log.sqlite", "workspace.key", "kizuna.toml", "manifest.sha256"
        ]  # fmt: skip


def test_restored_with_promote_it_is_the_owner_at_once(backup: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    kizuna("restore", backup, "--data", other, "--promote")
    assert kizuna_json("status", "--data", other)["role"] == "owner"


def test_a_damaged_backup_is_noticed_wherever_it_is_damaged(backup: Path, tmp_path: Path) -> None:
    content = backup.read_bytes()
    luck = Random(5)
    damaged = tmp_path / "damaged.tar.zst"
    (tmp_path / "whole").mkdir()
    manifest = unpack(backup, tmp_path / "whole", lambda *_: None)
    whole = {one.name: one.read_bytes() for one in (tmp_path / "whole").iterdir()}
    noticed = 0
    places = {0, 5, len(content) - 1, *(luck.randrange(len(content)) for _ in range(200))}
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1 << luck.randrange(8)
        damaged.write_bytes(changed)
        into = tmp_path / "into"
        into.mkdir()
        try:
            read = unpack(damaged, into, lambda *_: None)
        except ConfigurationError:
            noticed += 1
        else:  # padding, which says nothing
            assert read == manifest
            assert {one.name: one.read_bytes() for one in into.iterdir()} == whole
        shutil.rmtree(into)
    assert noticed > 0.9 * len(places)
    for length in (0, 1, 100, len(content) // 2, len(content) - 1):
        damaged.write_bytes(content[:length])
        with pytest.raises(ConfigurationError, match="no backup, or damaged"):
            unpack(damaged, None, lambda *_: None)


def test_a_damaged_backup_restores_nothing(backup: Path, tmp_path: Path) -> None:
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)
    for arguments in (["--data", tmp_path / "other"], ["--check"]):
        failed = kizuna("restore", backup, *arguments, check=False)
        assert failed.returncode == 1
        assert "damaged" in failed.stderr
    assert not (tmp_path / "other" / "log.sqlite").exists()
    assert not (tmp_path / "other" / "restore.partial").exists()


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "archive/../../evil", "store.duckdb"])
def test_a_backup_made_by_an_enemy_writes_nowhere_else(name: str, tmp_path: Path) -> None:
    body = b"x"
    manifest = orjson.dumps(
        {
            "kizuna": "1",
            "fold_version": 1,
            "made_at": "2026-01-01T00:00:00Z",
            "log_id": UUID(int=1),
            "generation": 0,
            "ends": [],
            "members": [{"name": name, "bytes": 1, "sha256": hashlib.sha256(body).hexdigest()}],
        }
    )
    file = tmp_path / "enemy.tar.zst"
    with pa.CompressedOutputStream(pa.OSFile(str(file), "wb"), "zstd") as packed:
        plain = BytesIO()
        with tarfile.open(fileobj=plain, mode="w") as tar:
            for its, content in (("manifest.json", manifest), (name, body)):
                header = tarfile.TarInfo(its)
                header.size = len(content)
                tar.addfile(header, BytesIO(content))
        packed.write(plain.getvalue())
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(ConfigurationError, match="damaged"):
        unpack(file, into, lambda *_: None)
    assert list(into.iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_data_that_is_there_is_not_restored_over(data: Path, backup: Path) -> None:
    before = touchpoints(data)
    failed = kizuna("restore", backup, "--data", data, check=False)
    assert failed.returncode == 1
    assert "holds data already" in failed.stderr
    assert touchpoints(data) == before


def test_a_backup_that_is_there_is_replaced_only_when_told(data: Path, backup: Path) -> None:
    with closing(opened(data)) as log:
        log.append(topics.TOUCHPOINTS, [NewRecord(b"", b"one more")]).result()
    content = backup.read_bytes()
    failed = kizuna("backup", backup, "--data", data, check=False)
    assert failed.returncode == 1
    assert "--force" in failed.stderr
    assert backup.read_bytes() == content
    assert kizuna_json("backup", backup, "--data", data, "--force")["records"] == RECORDS + 1


def test_a_full_disk_leaves_no_half_backup(data: Path, small_disk: SmallDisk, tmp_path: Path) -> None:
    file = small_disk.path / "backup.tar.zst"
    for room in (0, 20_000, 100_000):
        small_disk.fill(leave=room)
        failed = kizuna("backup", file, "--data", data, check=False)
        assert failed.returncode == 1, (room, failed.stdout)
        assert "error:" in failed.stderr
        assert [one.name for one in small_disk.path.iterdir()] == ["ballast"]
        small_disk.free()
    kizuna("backup", file, "--data", data)
    small_disk.fill(leave=50_000)
    other = small_disk.path / "other"
    failed = kizuna("restore", file, "--data", other, check=False)
    assert failed.returncode == 1
    assert not (other / "log.sqlite").exists()
    small_disk.free()
    kizuna("restore", file, "--data", other)
    assert touchpoints(other) == touchpoints(data)


def test_a_damaged_row_is_not_backed_up(data: Path, tmp_path: Path) -> None:
    content = (data / "log.sqlite").read_bytes()
    at = content.index(b"2/77" * 9)
    (data / "log.sqlite").write_bytes(content[:at] + b"3" + content[at + 1 :])
    file = tmp_path / "backup.tar.zst"
    failed = kizuna("backup", file, "--data", data, check=False)
    assert failed.returncode == 3
    assert f"{topics.TOUCHPOINTS}/0" in failed.stderr
    assert not file.exists()


def test_archived_months_are_in_the_backup(data: Path, tmp_path: Path) -> None:
    """The fixture's records are of 1970."""
    before = touchpoints(data)
    with closing(opened(data, at=10**15)) as log:  # which closes their month
        log.append(topics.TOUCHPOINTS, [NewRecord(b"", b"after it")]).result()
    kizuna("archive", "--data", data)
    archived = sorted(one.name for one in (data / "archive").iterdir())
    assert archived
    file, other = tmp_path / "backup.tar.zst", tmp_path / "other"
    kizuna("backup", file, "--data", data)
    kizuna("restore", file, "--data", other)
    assert sorted(one.name for one in (other / "archive").iterdir()) == archived
    assert [one.value for one in touchpoints(other)] == [*(one.value for one in before), b"after it"]
    assert kizuna("doctor", "--deep", "--data", other).returncode == 0

    damaged = data / "archive" / archived[0]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    failed = kizuna("backup", file, "--data", data, "--force", check=False)
    assert failed.returncode == 3
    assert archived[0] in failed.stderr


def test_a_killed_backup_or_restore_is_done_again(data: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "backup.tar.zst", tmp_path / "other"
    luck = Random(3)
    for command in (["backup", file, "--data", data], ["restore", file, "--data", other]):
        for _ in range(4):
            running = subprocess.Popen(
                [KIZUNA, *map(str, command)], env=environment(), stderr=subprocess.DEVNULL
            )
            time.sleep(luck.uniform(0.2, 0.8))
            running.kill()
            if running.wait() == 0:  # it was faster
                break
        shutil.rmtree(other, ignore_errors=True) if command[0] == "restore" else file.unlink(missing_ok=True)
        kizuna(*command)
    assert touchpoints(other) == touchpoints(data)
    assert sorted(os.listdir(tmp_path)) == ["backup.tar.zst", "data", "other"]
