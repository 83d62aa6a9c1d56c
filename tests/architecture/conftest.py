"""The project as a tree of files."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def files(root: Path) -> list[Path]:
    """Every file that is tracked or would be, relative to the top folder, symlinks left out."""
    if not (root / ".git").exists():
        pytest.skip("not a git checkout: which files belong to the project is unknown")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    paths = [Path(name) for name in listed.split("\0") if name]
    return [path for path in paths if (root / path).is_file() and not (root / path).is_symlink()]


@pytest.fixture(scope="session")
def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def folders(root: Path) -> list[str]:
    """The top folders that hold the code, installed as `kizuna.<folder>`."""
    named = {path.parent.name for path in root.glob("*/__init__.py")}
    return sorted(named - {"tests", "benchmarks"})
