"""The mutations keep up with the code that they make wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutations import MUTATIONS, TESTS, Mutation, copied, mutate


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mutations") / "project"
    copied(folder)
    return folder


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_its_place_is_there_once(mutation: Mutation, project: Path) -> None:
    path = project / mutation.path
    before = path.read_text(encoding="utf-8")
    mutate(mutation, project)
    assert path.read_text(encoding="utf-8") != before
    path.write_text(before, encoding="utf-8")


def test_its_tests_are_there(root: Path) -> None:
    assert [name for name in TESTS if not (root / name).exists()] == []


def test_names_are_told_apart() -> None:
    assert len({one.name for one in MUTATIONS}) == len(MUTATIONS)
