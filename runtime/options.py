"""Options that several commands share."""

from __future__ import annotations

import inspect
import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from . import settings
from .directory import DataDirectory
from .settings import DATA_VARIABLE, Settings

Data = Annotated[
    Path,
    typer.Option(
        "--data", metavar="DIR", envvar=DATA_VARIABLE, help="The data directory.", show_envvar=False
    ),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option(
        "--settings", metavar="FILE", help="Settings; otherwise DIR/kizuna.toml, where there is one."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Answer as JSON.")]

DEFAULT_DATA = Path("data")

GROUP_NODE = "Node"
GROUP_KAFKA = "Kafka"
GROUP_EVENTS = "Events"
GROUP_ACCESS = "Access"


def told(command: Callable[..., None]) -> str:
    """The docstring of a command with its paragraphs in one line each: the terminal breaks them."""
    paragraphs = inspect.cleandoc(command.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(one.split()) for one in paragraphs)


def typed(command: str, data: Path) -> str:
    """The command as one would type it for this data directory: without --data where it is found anyway."""
    if data == Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA):
        return command
    return f"{command} --data {shlex.quote(str(data))}"


def load_settings(directory: DataDirectory, file: Path | None = None, **given: object) -> Settings:
    """Settings of the file named, or of the data directory, with the environment and what was `given`."""
    if file is None and directory.settings.is_file():
        file = directory.settings
    return settings.load(file, **given)
