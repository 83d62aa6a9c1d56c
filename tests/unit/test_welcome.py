"""The command that the demo tells to watch it with: it works where PATH has Kizuna and where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from kizuna.runtime.welcome import program


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A program by the name of kizuna, in a folder of its own."""
    program = tmp_path / "bin" / "kizuna"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


def test_it_goes_by_name_where_path_leads_to_it(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(installed.parent))
    assert program(str(installed)) == "kizuna"


def test_it_goes_by_path_where_path_leads_nowhere_or_elsewhere(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program(str(installed)) == str(installed)
    monkeypatch.setenv("PATH", str(installed.parent))
    assert program(".venv/bin/kizuna") == ".venv/bin/kizuna"
