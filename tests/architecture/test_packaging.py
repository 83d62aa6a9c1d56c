"""What is installed: the top folders under one namespace and nothing else. It works without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import kizuna
names = [module.name for module in pkgutil.walk_packages(kizuna.__path__, "kizuna.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
assert all(sys.prefix in path for path in kizuna.__path__), list(kizuna.__path__)
print(len(names))
"""


def test_every_table_names_every_folder(root: Path, pyproject: dict[str, Any], folders: list[str]) -> None:
    packages = [f"kizuna.{folder}" for folder in folders]
    setuptools = pyproject["tool"]["setuptools"]
    contract = pyproject["tool"]["importlinter"]
    layers = [name for line in contract["contracts"][0]["layers"] for name in line.split(" | ")]
    makefile = next(
        line for line in (root / "Makefile").read_text().splitlines() if line.startswith("FOLDERS")
    )
    installed = [*packages, "kizuna.deploy"]  # which has no code: what `kizuna kafka` starts a broker with
    assert sorted(setuptools["packages"]) == sorted(installed)
    assert setuptools["package-dir"] == dict(zip(installed, [*folders, "deploy"], strict=True))
    assert sorted(contract["root_packages"]) == packages
    assert sorted(layers) == packages
    assert sorted(makefile.split(":=")[1].split()) == folders
    checked = pyproject["tool"]["mypy"]["files"]
    assert sorted(checked) == sorted(
        [f".namespace/kizuna/{folder}" for folder in folders] + ["tests", "benchmarks"]
    )


def test_package_data_is_what_lies_in_the_folders(
    root: Path, pyproject: dict[str, Any], files: list[Path], folders: list[str]
) -> None:
    lying = {path for path in files if path.parts[0] in folders and path.suffix != ".py"}
    lying |= {path for path in files if path.parts[:2] == ("deploy", "kafka")}
    declared = set()
    for package, patterns in pyproject["tool"]["setuptools"]["package-data"].items():
        for pattern in patterns:
            found = {
                path.relative_to(root) for path in (root / package.removeprefix("kizuna.")).glob(pattern)
            }
            assert found, f"{package}: nothing matches {pattern}"
            declared |= found
    assert lying == declared & set(files)


def test_the_namespace_symlink_leads_to_the_top(root: Path) -> None:
    assert os.readlink(root / ".namespace" / "kizuna") == ".."
    assert not (root / "__init__.py").exists(), "the namespace must stay without code of its own"


@pytest.fixture(scope="module")
def wheel(root: Path, files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what belongs to the project; every warning of the build is an error."""
    source = tmp_path_factory.mktemp("source")
    for path in files:
        if path.parts[0] not in ("tests", "docs", "benchmarks"):
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / path, source / path)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "dist"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    built = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "warn" not in (built.stdout + built.stderr).lower()
    return next((source / "dist").glob("*.whl"))


def test_the_wheel_holds_kizuna_only(wheel: Path, files: list[Path], folders: list[str]) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    code = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    wanted = {path for path in files if path.parts[0] in folders or path.parts[:2] == ("deploy", "kafka")}
    assert code == {f"kizuna/{path}" for path in wanted}
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a new environment. The dependencies come from this one, the project from the wheel
    alone: a .pth file adds a folder without that folder's own .pth files, so the editable install is not
    seen."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    site = next(home.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def test_every_module_of_the_wheel_can_be_imported(clean: Path, wheel: Path, tmp_path: Path) -> None:
    # kafka-python 3 reads its own files by functions of Python that are on their way out.
    others = [f"-Wignore:{name}_text is deprecated:DeprecationWarning" for name in ("read", "open")]
    command = [str(clean / "python"), "-W", "error", *others, "-c", IMPORT_EVERYTHING]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    modules = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")]
    assert int(run.stdout) == len(modules)


def test_the_command_of_the_wheel_works(clean: Path, tmp_path: Path) -> None:
    run = subprocess.run([clean / "kizuna", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "Usage" in run.stdout
