"""Files with an endless line, through the command: an error or failed events, and no more memory than any
import takes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.node_process import environment

MEMORY = 600 << 20
"""Bytes of resident memory that any of these imports may take at its height."""
LONG = 64 << 20
COMMAND = """
import atexit, pathlib
from kizuna.runtime.cli import main
atexit.register(lambda: print(pathlib.Path("/proc/self/status").read_text()))
main()
"""
"""Kizuna, telling at its end what it needed."""

MAP = """
source: tills
events:
  - {name: row, type: custom.row, occurred_at: {constant: 2026-01-02}, properties: {x: x, y: y}}
"""

FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "endless value": ("csv", lambda: b"x,y\n1," + b"a" * LONG + b"\n2,b\n", "longer than 4,194,304 bytes"),
    "endless quote": ("csv", lambda: b'x,y\n1,"' + b"a,b\n" * (LONG // 4), "longer than 4,194,304 bytes"),
    "endless header": ("csv", lambda: b"a" * LONG + b",x,y\n", "header is longer"),
    "endless names": ("csv", lambda: b"a," * (LONG // 2) + b"\n", "header is longer"),
    "no line end": ("csv", lambda: b"\x00" * LONG, "header is longer"),
    "endless row": ("csv", lambda: b"x,y\n" + b"," * LONG + b"\n1,b\n", "longer than 4,194,304 bytes"),
    "endless line": ("ndjson", lambda: b'{"x": "' + b"a" * LONG + b'"}\n{"x": 1}\n', "1 failed"),
    "endless depth": ("ndjson", lambda: b"[" * LONG + b'\n{"x": 1}\n', "1 failed"),
    "bad lines": ("ndjson", lambda: (b"{" * 800_000 + b"\n") * 40, "40 failed"),
}


@pytest.mark.parametrize("name", FILES)
def test_an_import_takes_bounded_memory(tmp_path: Path, name: str) -> None:
    ending, content, words = FILES[name]
    (tmp_path / "map.yaml").write_text(MAP)
    file = tmp_path / f"rows.{ending}"
    file.write_bytes(content())
    arguments = ["import", file, "--map", tmp_path / "map.yaml", "--data", tmp_path / "data"]
    command = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    text = " ".join((done.stdout + done.stderr).split())
    (height,) = re.findall(r"VmHWM: (\d+) kB", text)
    assert words in text, text
    assert "Traceback" not in text
    assert done.returncode == (0 if "failed" in words else 1), text
    assert int(height) * 1024 < MEMORY
