"""The published contract: one JSON Schema a type and version; those of submission, envelope and failed event.

    python -m kizuna.schemas.jsonschemas --write    write what the models say to schemas/published
    python -m kizuna.schemas.jsonschemas --check    exit 1 when the files there say something else

Submissions and the properties in the log follow the same schemas; rules across fields stand in the
descriptions. The file of a past version is frozen: no model writes it any more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from .catalogue import CUSTOM_PATTERN, CUSTOM_PREFIX
from .custom import CustomEvent
from .envelope import Envelope
from .failed_event import FailedEvent
from .payload import MODELS
from .submission import Submission
from .upcasting import LADDER

PUBLISHED = Path(__file__).parent / "published"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_COMMANDS = "python -m kizuna.schemas.jsonschemas"

Schema = dict[str, object]


def documents() -> dict[str, Schema]:
    """Every schema that the models give, by its name (`order.completed.v1`)."""
    events = {f"{type_}.v{model.VERSION}": _document(type_, model) for type_, model in MODELS.items()}
    return {
        **events,
        "custom.v1": _document("custom", CustomEvent),
        "submission.v1": _document("submission", Submission),
        "envelope.v1": _document("envelope", Envelope),
        "failed_event.v1": _document("failed_event", FailedEvent),
        "catalogue.v1": catalogue(),
    }


def past() -> list[str]:
    """Names of the schemas of past versions, whose files are frozen."""
    return sorted(f"{type_}.v{version}" for type_, version in LADDER)


def catalogue() -> Schema:
    """Submissions of every type: a submission whose `properties` are those of its `type` and `version`."""
    past_versions = [_branch(type_, version, current=False) for type_, version in LADDER]
    present = [_branch(type_, model.VERSION, current=True) for type_, model in MODELS.items()]
    custom: Schema = {
        "title": f"{CUSTOM_PREFIX}*",
        "properties": {"type": {"pattern": CUSTOM_PATTERN}, "properties": {"$ref": "custom.v1.json"}},
    }
    return {
        **_document("submission", Submission),
        "$id": "urn:kizuna:schema:catalogue:1",
        "title": "catalogue",
        "description": "Submissions of every type.",
        "discriminator": {"propertyName": "type"},
        "oneOf": [*past_versions, *present, custom],
    }


def _branch(type_: str, version: int, *, current: bool) -> Schema:
    named: Schema = {"const": version} if not current else {"enum": [version, None]}
    return {
        "title": f"{type_}.v{version}",
        "properties": {
            "type": {"const": type_},
            "version": named,
            "properties": {"$ref": f"{type_}.v{version}.json"},
        },
        "required": ["type", "properties"] if current else ["type", "properties", "version"],
    }


_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}


class _Plain(GenerateJsonSchema):
    """Without the noise: no titles made of field names, no `default: null`, no nested `anyOf` for null; and
    decimals as a number or as the text of one with as many digits as are kept."""

    def field_title_should_be_set(self, schema: object) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        if described.get("default", ...) is None:
            del described["default"]
        return described

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        inner = self.generate_inner(schema["schema"])
        if "anyOf" in inner:
            return {**inner, "anyOf": [*inner["anyOf"], {"type": "null"}]}
        if isinstance(inner.get("type"), str) and not inner.keys() & {"enum", "const"}:
            return {**inner, "type": [inner["type"], "null"]}
        return {"anyOf": [inner, {"type": "null"}]}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        given = cast(Mapping[str, Decimal], schema)
        number = {
            "type": "number",
            **{word: int(given[key]) for key, word in _BOUNDS.items() if key in given},
        }
        sign = "" if number.keys() & {"minimum", "exclusiveMinimum"} else "-?"
        places = schema["decimal_places"]
        whole = schema["max_digits"] - places
        text = {"type": "string", "pattern": rf"^{sign}[0-9]{{1,{whole}}}(\.[0-9]{{1,{places}}})?$"}
        return {"anyOf": [number, text]}


def _document(name: str, model: type[BaseModel]) -> Schema:
    version = getattr(model, "VERSION", 1)
    schema = model.model_json_schema(schema_generator=_Plain)
    parts = schema.pop("$defs", {})
    return {
        "$schema": _DIALECT,
        "$id": f"urn:kizuna:schema:{name}:{version}",
        **_whole(schema, parts),
        "title": name,
    }


def _whole(node: object, parts: Mapping[str, object]) -> Schema:
    """With every reference replaced by what it refers to: the models do not contain themselves."""
    inlined = _inlined(node, parts)
    assert isinstance(inlined, dict)
    return inlined


def _inlined(node: object, parts: Mapping[str, object]) -> object:
    if isinstance(node, list):
        return [_inlined(child, parts) for child in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        part = _whole(parts[reference.removeprefix("#/$defs/")], parts)
        return {**part, **{key: child for key, child in node.items() if key != "$ref"}}
    return {key: _inlined(child, parts) for key, child in node.items()}


def text(schema: Schema) -> str:
    """The file's text: keys sorted, so that it says the same on every machine."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def drift(folder: Path = PUBLISHED) -> list[str]:
    """What differs between the models and the files, one line each."""
    expected = {f"{name}.json": text(schema) for name, schema in documents().items()}
    frozen = {f"{name}.json" for name in past()}
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    changed = [name for name in sorted(expected.keys() & found.keys()) if found[name] != expected[name]]
    return [
        *(f"{name} is missing" for name in sorted((expected.keys() | frozen) - found.keys())),
        *(
            f"{name} belongs to no type and version"
            for name in sorted(found.keys() - expected.keys() - frozen)
        ),
        *(f"{name} differs from its model" for name in changed),
    ]


def write(folder: Path = PUBLISHED) -> None:
    folder.mkdir(exist_ok=True)
    for name, schema in documents().items():
        (folder / f"{name}.json").write_text(text(schema), encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog=_COMMANDS, description="The published JSON Schemas.")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--write", action="store_true", help="write what the models say")
    task.add_argument("--check", action="store_true", help="exit 1 when the files say something else")
    if parser.parse_args(arguments).write:
        write()
    differences = drift()
    for line in differences:
        print(line, file=sys.stderr)
    if differences:
        print(f"The published schemas are out of date: run `{_COMMANDS} --write`.", file=sys.stderr)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
