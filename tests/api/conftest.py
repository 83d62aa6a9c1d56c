"""Commands run in this process, and a small file to import."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kizuna.runtime import cli
from tests.api.command import MAIL, Run, Told


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a command in this process, as the shell would."""
    before = os.umask(0o022)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level

    def command(*arguments: object) -> Told:
        monkeypatch.setattr("sys.argv", ["kizuna", *(str(one) for one in arguments)])
        code = 0
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
        told = capsys.readouterr()
        return Told(code, told.out, told.err)

    yield command
    os.umask(before)
    root.handlers = handlers
    root.setLevel(level)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def sales(tmp_path: Path) -> tuple[Path, Path]:
    """A file of three rows, one of which cannot be read, and its map."""
    file, map_ = tmp_path / "sales.csv", tmp_path / "sales.yaml"
    file.write_text(
        f"id,time,email,amount\n1,2026-01-05T10:00:00Z,{MAIL},35\n2,2026-01-06T10:00:00Z,,12\n3,soon,,1\n"
    )
    map_.write_text(
        """
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
      currency: {constant: EUR}
"""
    )
    return file, map_
