"""Each case of the suite runs once an adapter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.rigs import ADAPTERS, Rig


@pytest.fixture(params=ADAPTERS.values(), ids=list(ADAPTERS))
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made: Rig = request.param(tmp_path)
    yield made
    made.close()
