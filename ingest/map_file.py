"""Reads a map from YAML, and says of every mistake in which line it stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml
from pydantic import ValidationError

from kizuna.schemas.errors import ConfigurationError

from .maps import ImportMap
from .values import Path


class _Loader(yaml.SafeLoader):
    """YAML without dates: 2016-10-01 is the text it looks like."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class MapFile:
    """A map, and where in its file each part of it stands."""

    map: ImportMap
    name: str
    root: yaml.Node

    def check_columns(self, columns: Iterable[str]) -> None:
        """Raises ConfigurationError when the map reads a column that the file does not have."""
        there = list(columns)
        for path, column in self.map.columns():
            if column not in there:
                near = difflib.get_close_matches(column, there, n=1)
                advice = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(there)}."
                raise self.mistake(
                    path,
                    f"the file has no column {column}.",
                    f"{advice} A fixed text is {{constant: {column}}}.",
                )

    def mistake(self, path: Path, message: str, hint: str = "") -> ConfigurationError:
        """The error to raise for what stands at `path`."""
        return _mistake(self.name, self.root, path, message, hint)


def load_map(path: FilePath) -> MapFile:
    """Raises ConfigurationError when the file cannot be read, or is no map."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"Cannot read the map {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"The map {path.name} is not UTF-8.") from None
    return parse_map(text, path.name)


def parse_map(text: str, name: str) -> MapFile:
    """A map from YAML text. `name` is how errors call it."""
    try:
        root = yaml.compose(text, Loader=_Loader)
        said = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}" if mark else name
        raise ConfigurationError(f"{where}: {getattr(error, 'problem', None) or error}.") from None
    if not isinstance(root, yaml.MappingNode):
        raise ConfigurationError(f"{name} is no map: it starts with `source: ...`.")
    _refuse_repeated_keys(name, root)
    try:
        return MapFile(ImportMap.model_validate(said), name, root)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path, message = tuple(first["loc"]), first["msg"].removeprefix("Value error, ").rstrip(".")
        if first["type"] == "missing":
            path, message = path[:-1], f"{path[-1]} is missing"
        elif first["type"] == "extra_forbidden":
            message = "is not known here"
        raise _mistake(name, root, path, message + ".") from None


def _mistake(name: str, root: yaml.Node, path: Path, message: str, hint: str = "") -> ConfigurationError:
    """Follows `path` as far as the file goes: pydantic's own steps into unions are not in it."""
    node, line, steps = root, root.start_mark.line, list[str]()
    for step in path:
        found = _step(node, step)
        if found is not None:
            key, node = found
            line = key.start_mark.line
            steps.append(str(step))
    return ConfigurationError(f"{name}, line {line + 1}, {'.'.join(steps) or 'map'}: {message}", hint=hint)


def _step(node: Any, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The key, or place, and the node below it."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _refuse_repeated_keys(name: str, node: yaml.Node) -> None:
    """YAML would take the last one and say nothing."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigurationError(
                    f"{name}, line {key.start_mark.line + 1}: {key.value} stands there twice."
                )
            seen.add(key.value)
            _refuse_repeated_keys(name, value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeated_keys(name, value)
