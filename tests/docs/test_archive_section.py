"""What the page about operations says of the archive works as typed."""

from __future__ import annotations

import os
import re
import sys
from contextlib import closing
from pathlib import Path
from uuid import UUID

import duckdb
import orjson
import pytest

from kizuna.eventlog.archive import archived_files
from kizuna.eventlog.port import NewRecord
from kizuna.eventlog.sqlite import SqliteLog
from kizuna.eventlog.topics import TOUCHPOINTS
from kizuna.runtime.directory import DataDirectory
from tests.archives import AUGUST
from tests.docs.transcript import agrees, run, steps
from tests.node_process import environment

MONTHS, EACH = 5, 40


@pytest.fixture
def section(root: Path) -> str:
    page = (root / "docs" / "operations.md").read_text()
    return re.split(r"^## ", page.split("\n## Archive\n")[1], flags=re.MULTILINE)[0]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A log of five months, in the folder that the commands take it to be in."""
    folder = tmp_path / "data"
    directory = DataDirectory(folder)
    directory.open_workspace(lambda path: None)
    folder.chmod(0o700)
    now = [0]
    with closing(SqliteLog(directory.log, clock=lambda: now[0], new_id=lambda: UUID(int=1))) as log:
        for month in range(MONTHS):
            now[0] = AUGUST.plus(month - 12).begins
            value = orjson.dumps({"type": "page.viewed"})
            log.append(TOUCHPOINTS, [NewRecord(b"key", value)] * EACH).result(timeout=10)
    return folder


def test_the_commands_work_as_typed_and_the_query_reads_the_files(section: str, data: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = steps(section)
    outcomes = run(script, data.parent, {**environment(), "PATH": path, "KIZUNA_PORT": "0"}, timeout=120)
    for step, output, code in outcomes:
        assert code == 0, f"$ {step.command}\n{output}"
        assert agrees(output, step.shown), f"$ {step.command}\nshows\n{output}\nnot\n{step.shown}"
    assert len(outcomes) == len(script) >= 3
    files = archived_files(data / "log.sqlite")
    assert files
    (query,) = re.findall(r"^```sql\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    with duckdb.connect() as connection:
        found = connection.execute(query.replace("archive/", f"{data}/archive/")).fetchall()
    assert [(type_, count) for _, type_, count in found] == [("page.viewed", EACH)] * len(files)
