"""The clock, new ids and randomness are read in `runtime` only; elsewhere they are arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

AMBIENT = [
    "import datetime\nnow = datetime.datetime.now(datetime.UTC)\n",
    "import datetime\nnow = datetime.datetime.utcnow()\n",
    "import datetime\nnow = datetime.datetime.today()\n",
    "from datetime import date\n\nday = date.today()\n",
    "from datetime import UTC, datetime\n\nnow = datetime.now(UTC)\n",
    "import time\n\nnow = time.time()\n",
    "from time import time_ns\n\nnow = time_ns()\n",
    "import uuid\n\nnew = uuid.uuid4()\n",
    "from uuid import uuid1\n\nnew = uuid1()\n",
    "import random\n\nluck = random.random()\n",
    "from random import Random\n\nluck = Random()\n",
    "import secrets\n\nkey = secrets.token_bytes()\n",
    "import os\n\nkey = os.urandom(32)\n",
]
HARMLESS = "import time\n\nbefore = time.monotonic()\nduration = time.perf_counter() - before\n"


@pytest.mark.parametrize("source", AMBIENT)
def test_ambient_inputs_are_refused_outside_runtime(root: Path, source: str) -> None:
    assert "TID251" in _ruff(root, "projections/example.py", source)
    assert "TID251" not in _ruff(root, "runtime/example.py", source)


def test_durations_may_be_measured_anywhere(root: Path) -> None:
    assert _ruff(root, "projections/example.py", HARMLESS) == ""


def _ruff(root: Path, name: str, source: str) -> str:
    """What the project's ruff says of a file of that name; its codes, nothing when it is content."""
    ruff = Path(sys.executable).with_name("ruff")
    command = [str(ruff), "check", "--quiet", "--output-format=concise", "--stdin-filename", name, "-"]
    return subprocess.run(command, cwd=root, input=source, capture_output=True, text=True).stdout
