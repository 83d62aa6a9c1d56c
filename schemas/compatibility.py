"""Whether a changed JSON Schema still takes all that the published one took.

    python -m kizuna.schemas.compatibility BASE_REF    compare schemas/published with that git ref

A published version may only grow: what breaks it needs a new version of the type, and a step of the ladder. A
new optional property counts as growth, though senders may have used its name for something else.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from .jsonschemas import PUBLISHED

Schema = Mapping[str, object]

DERIVED = {"catalogue.v1.json"}
"""Follows from the others: a new version of a type changes what is current there."""

_LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT = ("pattern", "format", "const", "multipleOf", "uniqueItems", "$ref")
_ABSENT = object()


def incompatibilities(old: Schema, new: Schema, path: str = "") -> list[str]:
    """Every change, named, by which `new` refuses or reads differently what `old` took."""
    changes = list(_of_defaults(old, new, path))
    after = _branches(new)
    for before in _branches(old):
        found = [list(_of_branch(before, branch, path)) for branch in after]
        if [] not in found:
            changes += _nearest(before, after, found, path)
    return list(dict.fromkeys(changes))


def _branches(schema: Schema) -> list[Schema]:
    """The alternatives of a schema, of one type each."""
    for key in ("anyOf", "oneOf"):
        options = schema.get(key)
        if isinstance(options, list):
            rest = {name: value for name, value in schema.items() if name != key}
            return [branch for option in options for branch in _branches({**rest, **option})]
    types = schema.get("type")
    if isinstance(types, list):
        return [{**schema, "type": one} for one in types]
    return [schema]


def _nearest(before: Schema, after: list[Schema], found: list[list[str]], path: str) -> list[str]:
    """What is wrong with the alternative that is most like the old one."""
    same = [changes for branch, changes in zip(after, found, strict=True) if _takes_type(branch, before)]
    if same:
        return min(same, key=len)
    return [f"{path or 'the schema'}: no longer takes {before.get('type', 'anything')}"]


def _takes_type(new: Schema, old: Schema) -> bool:
    before, after = old.get("type"), new.get("type")
    return after in (None, before) or (before == "integer" and after == "number")


def _of_branch(old: Schema, new: Schema, path: str) -> Iterator[str]:
    where = path or "the schema"
    if not _takes_type(new, old):
        yield f"{where}: type {old.get('type', 'anything')} became {new.get('type')}"
        return
    if old.get("type") == "null":
        return
    yield from _of_values(old, new, where)
    yield from _of_members(old, new, path)
    yield from _of_items(old, new, path)


def _of_defaults(old: Schema, new: Schema, path: str) -> Iterator[str]:
    if old.get("default", _ABSENT) != new.get("default", _ABSENT):
        yield f"{path or 'the schema'}: the default changed, so absent values are read differently"


def _of_values(old: Schema, new: Schema, where: str) -> Iterator[str]:
    """Enumerations, bounds, patterns and formats."""
    allowed, still = old.get("enum"), new.get("enum")
    if isinstance(still, list):
        gone = (
            [value for value in allowed if value not in still]
            if isinstance(allowed, list)
            else ["other values"]
        )
        for value in gone:
            yield f"{where}: no longer takes {value}"
    for name in _LOWER_BOUNDS + _UPPER_BOUNDS:
        before, after = old.get(name), new.get(name)
        if isinstance(after, int | float) and (
            not isinstance(before, int | float)
            or (after > before if name in _LOWER_BOUNDS else after < before)
        ):
            yield f"{where}: {name} is tightened to {after}"
    for name in _EXACT:
        if name in new and old.get(name, _ABSENT) != new[name]:
            yield f"{where}: {name} became {new[name]}"


def _of_members(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = _mapping(old.get("properties")), _mapping(new.get("properties"))
    for name, schema in before.items():
        inner = f"{path}.{name}" if path else name
        if name not in after:
            yield f"{inner}: was removed or renamed"
        else:
            yield from incompatibilities(_mapping(schema), _mapping(after[name]), inner)
    for name in sorted(_names(new.get("required")) - _names(old.get("required"))):
        yield f"{f'{path}.{name}' if path else name}: is newly required"
    open_before, open_after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if open_before is False:
        return
    if open_after is False:
        yield f"{path or 'the schema'}: no longer takes other properties"
    elif isinstance(open_after, Mapping):
        yield from incompatibilities(_mapping(open_before), open_after, f"{path}.*" if path else "*")


def _of_items(old: Schema, new: Schema, path: str) -> Iterator[str]:
    if isinstance(new.get("items"), Mapping):
        yield from incompatibilities(_mapping(old.get("items")), _mapping(new["items"]), f"{path}[]")


def _mapping(value: object) -> Schema:
    return value if isinstance(value, Mapping) else {}


def _names(value: object) -> set[str]:
    return set(value) if isinstance(value, list) else set()


def compare(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[str]:
    """What is incompatible between two sets of schema files by name, one line each."""
    lines = []
    for name in sorted(old.keys() - DERIVED):
        if name not in new:
            lines.append(f"{name}: was published and is gone")
        else:
            changes = incompatibilities(orjson.loads(old[name]), orjson.loads(new[name]))
            lines += [f"{name}: {change}" for change in changes]
    return lines


def published_at(ref: str, folder: Path) -> dict[str, bytes]:
    """The schema files as they were at a git ref. Raises CalledProcessError where the ref is unknown."""

    def git(*arguments: str) -> bytes:
        return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True).stdout

    names = git("ls-tree", "--name-only", ref, "./").decode().split()
    return {name: git("show", f"{ref}:./{name}") for name in names if name.endswith(".json")}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m kizuna.schemas.compatibility",
        description="Exit 1 when a published schema changed so that what it took before is refused.",
    )
    parser.add_argument("base", metavar="BASE_REF", help="the git ref to compare with, such as origin/main")
    base = parser.parse_args(arguments).base
    try:
        old = published_at(base, PUBLISHED)
    except subprocess.CalledProcessError as error:
        print(f"git cannot read {base}: {error.stderr.decode().strip()}", file=sys.stderr)
        return 2
    if not old:
        print(f"{base} has no published schemas: there is nothing to compare with.")
        return 0
    changes = compare(old, {path.name: path.read_bytes() for path in PUBLISHED.glob("*.json")})
    for line in changes:
        print(line, file=sys.stderr)
    if changes:
        print("Give the type a new version with a step in schemas/upcasting.py instead.", file=sys.stderr)
    return 1 if changes else 0


if __name__ == "__main__":
    sys.exit(main())
