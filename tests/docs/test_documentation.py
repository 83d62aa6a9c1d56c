"""Documentation that the build holds to the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kizuna.schemas import catalogue
from kizuna.schemas.payload import MODELS

_LINK = re.compile(r"\[[^\]]*\]\((?![a-z]+:|#)([^)#\s]+)[^)]*\)")


def test_every_event_type_is_documented(root: Path) -> None:
    documented = set(re.findall(r"`([a-z][a-z0-9_.]*)`", (root / "docs" / "events.md").read_text()))
    assert catalogue.MODULES
    assert {type_ for type_ in MODELS if type_ not in documented} == set()


def _pages() -> list[Path]:
    root = Path(__file__).resolve().parents[2]
    return [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", _pages(), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    missing = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


def test_decisions_are_numbered_without_gaps(root: Path) -> None:
    names = sorted(path.name for path in (root / "docs" / "adr").glob("*.md"))
    assert [name[:5] for name in names] == [f"{number:04}-" for number in range(1, len(names) + 1)]
    for number, name in enumerate(names, start=1):
        assert (root / "docs" / "adr" / name).read_text().startswith(f"# {number}. ")
