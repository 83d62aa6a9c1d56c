"""A published schema changes only so that all it took before is still taken."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kizuna.schemas import compatibility
from kizuna.schemas.compatibility import DERIVED, incompatibilities
from kizuna.schemas.jsonschemas import PUBLISHED

Schema = Mapping[str, Any]

SCHEMAS = [path for path in sorted(PUBLISHED.glob("*.json")) if path.name not in DERIVED]

NAME: Schema = {"type": ["string", "null"], "maxLength": 500}
OBJECT: Schema = {
    "type": "object",
    "properties": {
        "name": NAME,
        "kind": {"enum": ["call", "note"], "type": "string"},
        "amount": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+$"}]},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": NAME}}, "maxItems": 9},
        "size": {"type": "integer", "default": 1},
    },
    "required": ["kind"],
    "additionalProperties": True,
}


def changed(**properties: object) -> Schema:
    """OBJECT with other properties; None takes one out."""
    new = {**OBJECT["properties"], **properties}
    return {**OBJECT, "properties": {name: schema for name, schema in new.items() if schema is not None}}


@pytest.mark.parametrize(
    "new",
    [
        OBJECT,
        {**OBJECT, "description": "Said otherwise.", "title": "Other"},
        {**OBJECT, "required": []},
        changed(note=NAME),
        changed(name={"type": ["string", "null"], "maxLength": 501}),
        changed(name={"type": ["null", "string"]}),
        changed(name={}),
        changed(kind={"enum": ["call", "note", "visit"], "type": "string"}),
        changed(kind={"type": "string"}),
        changed(amount={"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}),
        changed(size={"type": "number", "default": 1}),
        changed(size={"anyOf": [{"type": "null"}, {"type": "integer"}], "default": 1}),
        changed(
            lines={"type": "array", "items": {"type": "object", "properties": {"sku": NAME, "name": NAME}}}
        ),
    ],
)
def test_growth_is_compatible(new: Schema) -> None:
    assert incompatibilities(OBJECT, new) == []


@pytest.mark.parametrize(
    ("new", "change"),
    [
        (changed(name=None), "name: was removed or renamed"),
        (changed(name=None, title=NAME), "name: was removed or renamed"),
        (changed(name={"type": "string", "maxLength": 500}), "name: no longer takes null"),
        (changed(name={"type": ["integer", "null"]}), "name: no longer takes string"),
        (changed(name={**NAME, "maxLength": 499}), "name: maxLength is tightened to 499"),
        (changed(name={**NAME, "minLength": 1}), "name: minLength is tightened to 1"),
        (changed(name={**NAME, "pattern": "^a"}), "name: pattern became ^a"),
        (changed(name={**NAME, "format": "date"}), "name: format became date"),
        (changed(name={**NAME, "enum": ["a", None]}), "name: no longer takes other values"),
        (changed(kind={"enum": ["call"], "type": "string"}), "kind: no longer takes note"),
        (changed(kind={"const": "call", "type": "string"}), "kind: const became call"),
        (changed(amount={"type": "number", "minimum": 0}), "amount: no longer takes string"),
        (
            changed(amount={"anyOf": [{"type": "number", "minimum": 1}, {"type": "string"}]}),
            "amount: minimum is tightened to 1",
        ),
        (
            changed(size={"type": "integer", "default": 2}),
            "size: the default changed, so absent values are read",
        ),
        (changed(size={"type": "integer"}), "size: the default changed, so absent values are read"),
        (
            changed(size={"type": "integer", "default": 1, "exclusiveMaximum": 9}),
            "size: exclusiveMaximum is tight",
        ),
        (
            changed(lines={**OBJECT["properties"]["lines"], "maxItems": 8}),
            "lines: maxItems is tightened to 8",
        ),
        (
            changed(lines={"type": "array", "items": {"type": "object", "properties": {}}}),
            "lines[].sku: was removed or renamed",
        ),
        ({**OBJECT, "required": ["kind", "name"]}, "name: is newly required"),
        ({**OBJECT, "additionalProperties": False}, "the schema: no longer takes other properties"),
        ({**OBJECT, "additionalProperties": {"type": "string"}}, "*: no longer takes anything"),
        ({"type": "array"}, "the schema: no longer takes object"),
    ],
)
def test_what_breaks_is_named(new: Schema, change: str) -> None:
    found = incompatibilities(OBJECT, new)
    assert len(found) == 1
    assert found[0].startswith(change)


def test_every_published_schema_is_compatible_with_itself() -> None:
    for path in SCHEMAS:
        schema = json.loads(path.read_bytes())
        assert incompatibilities(schema, schema) == []


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_each_property_taken_away_is_noticed(path: Path) -> None:
    schema = json.loads(path.read_bytes())
    for name in schema.get("properties", {}):
        rest = {other: inner for other, inner in schema["properties"].items() if other != name}
        assert incompatibilities(schema, {**schema, "properties": rest}) == [
            f"{name}: was removed or renamed"
        ]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository whose first commit has no schemas, and whose second has the published ones."""
    folder = tmp_path / "published"

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--initial-branch=main")
    git("commit", "--allow-empty", "--message=empty")
    git("tag", "empty")
    folder.mkdir()
    for path in PUBLISHED.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    git("add", ".")
    git("commit", "--message=published")
    monkeypatch.setattr(compatibility, "PUBLISHED", folder)
    return folder


def test_the_working_tree_is_compared_with_a_commit(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compatibility.main(["HEAD"]) == 0
    assert compatibility.main(["empty"]) == 0
    assert "nothing to compare with" in capsys.readouterr().out
    assert compatibility.main(["no-such-ref"]) == 2
    assert "git cannot read no-such-ref" in capsys.readouterr().err
    (repository / "page.viewed.v1.json").unlink()
    order = repository / "order.cancelled.v1.json"
    order.write_text(order.read_text().replace('"reason"', '"why"'))
    assert compatibility.main(["HEAD"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "order.cancelled.v1.json: reason: was removed or renamed",
        "page.viewed.v1.json: was published and is gone",
        "Give the type a new version with a step in schemas/upcasting.py instead.",
    ]
