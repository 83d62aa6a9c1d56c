"""The command starts in moments: what few commands need is imported by those."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("duckdb", "fastapi", "numpy", "opentelemetry", "pyarrow", "uvicorn", "kizuna.schemas.catalogue")
ASK = f"""
import sys
import kizuna.runtime.cli
print(*(name for name in {HEAVY} if name in sys.modules))
"""


def test_the_command_alone_imports_neither_the_databases_nor_the_servers() -> None:
    run = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
