"""Rules on the text of the files that the linters do not know."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_LINES = 400
NAMES_THAT_SAY_NOTHING = {"common", "helper", "helpers", "misc", "util", "utils"}
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|farm|root)/")
REGISTRY_HOST = re.compile(
    r"pypi\.org|pythonhosted\.org|npmjs\.org|crates\.io|maven\.org|proxy\.golang\.org|debian\.org/debian"
)


def test_modules_are_small(root: Path, files: list[Path]) -> None:
    lengths = {path: len((root / path).read_text().splitlines()) for path in files if path.suffix == ".py"}
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_modules_are_named_for_what_they_are(files: list[Path]) -> None:
    parts = {part.removesuffix(".py") for path in files if path.suffix == ".py" for part in path.parts}
    assert parts & NAMES_THAT_SAY_NOTHING == set()


def test_folders_are_flat(files: list[Path], folders: list[str]) -> None:
    assert [
        path for path in files if path.suffix == ".py" and path.parts[0] in folders and len(path.parts) > 2
    ] == []


def test_imports_tell_a_boundary_crossing(root: Path, files: list[Path], folders: list[str]) -> None:
    """Across folders `from kizuna.<folder>`, inside one relatively; never the bare name of a folder, which
    works from a checkout only."""
    wrong = []
    for path in files:
        if path.suffix != ".py":
            continue
        own = f"kizuna.{path.parts[0]}" if path.parts[0] in folders else None
        for line, module in _imports((root / path).read_text()):
            bare = module.split(".")[0] in folders
            roundabout = own is not None and (module == own or module.startswith(own + "."))
            if bare or roundabout:
                wrong.append(f"{path}:{line} imports {module}")
    assert wrong == []


def test_the_reference_shares_no_code_with_what_it_checks(root: Path) -> None:
    """It imports itself and the standard library; only its generator and its tests know the product."""
    reference = root / "tests" / "reference"
    knowing = {"worlds.py", "defined.py", *(path.name for path in reference.glob("test_*.py"))}
    modules = [path for path in reference.glob("*.py") if path.name not in knowing]
    assert len(modules) > 5
    itself = {f"tests.reference.{path.stem}" for path in modules}
    for path in modules:
        for line, module in _imports(path.read_text()):
            own = module == "tests.reference" or module in itself
            assert own or module.split(".")[0] in sys.stdlib_module_names, f"{path.name}:{line} {module}"


def test_files_name_no_machine(root: Path, files: list[Path]) -> None:
    wrong = []
    for path in files:
        text = (root / path).read_bytes().decode(errors="replace")
        for line, content in enumerate(text.splitlines(), start=1):
            if MACHINE_PATH.search(content) or REGISTRY_HOST.search(content):
                wrong.append(f"{path}:{line}")
    assert wrong == []


def test_the_lock_holds_names_versions_and_hashes_only(root: Path) -> None:
    pin = re.compile(r"^([a-z0-9.-]+==[\w.+]+|    --hash=sha256:[0-9a-f]{64}|    #.*|#.*)( \\)?$")
    lock = (root / "requirements.lock").read_text().splitlines()
    assert [line for line in lock if line and not pin.match(line)] == []
    assert "://" not in "\n".join(lock)


def _imports(source: str) -> Iterator[tuple[int, str]]:
    """Line and module of every absolute import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module
