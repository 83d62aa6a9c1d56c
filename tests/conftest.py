"""What every test may ask for: the shared data sets, and one reproducible way to run Hypothesis."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("quick", max_examples=25, derandomize=True, print_blob=True, deadline=None)
settings.register_profile("ci", derandomize=True, print_blob=True, deadline=None)
settings.register_profile("soak", max_examples=5_000, print_blob=True, deadline=None)
# To see whether a test fails, not on what smallest example.
settings.register_profile(
    "mutations", max_examples=1_000, derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The top folder of the project."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets, read where they lie. CI must have them; a user's clone does without."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        message = "the data sets are not there: they lie in the folder shared/data beside the project"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--collide", action="store_true", help="let the ids of events collide (tests/collisions.py)"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("collide"):
        from tests import collisions

        collisions.arrange()


def pytest_unconfigure() -> None:
    if broker := sys.modules.get("tests.broker"):
        broker.stop_all()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that reads the data sets, so that `-m data` and `-m "not data"` choose by it. The slow
    ones come first: none is left over for one process when the others have ended."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    for item in items:
        if isinstance(item, pytest.Function) and "shared_data" in item.fixturenames:
            item.add_marker(pytest.mark.data)
