"""How many files a process may open decides how many connections it may have."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import logging, resource
from kizuna.runtime.descriptors import raise_limit
logging.basicConfig(format="%(levelname)s %(message)s")
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(raise_limit({connections}), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("soft", "hard", "connections", "room", "after", "warned"),
    [
        (512, 4_096, 1_000, 1_000, 4_096, False),
        (4_096, 4_096, 1_000, 1_000, 4_096, False),
        (512, 1_024, 1_000, 768, 1_024, True),
        (300, 300, 1_000, 150, 300, True),
    ],
)
def test_the_limit_is_raised_and_what_it_leaves_is_told(
    soft: int, hard: int, connections: int, room: int, after: int, warned: bool
) -> None:
    script = SCRIPT.format(soft=soft, hard=hard, connections=connections)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(room), str(after)]
    assert ("WARNING" in done.stderr and "LimitNOFILE" in done.stderr) is warned
