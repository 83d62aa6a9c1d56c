"""The published JSON Schemas: no drift, and true to what is accepted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kizuna.schemas import jsonschemas
from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.examples import example
from kizuna.schemas.jsonschemas import PUBLISHED, documents, drift, past, text
from kizuna.schemas.payload import MODELS
from kizuna.schemas.refusal import Refusal

Schema = Mapping[str, Any]


def moment(value: str) -> datetime:
    """RFC 3339 wants an offset."""
    parsed = datetime.fromisoformat(value)
    if parsed.tzinfo is None:
        raise ValueError(value)
    return parsed


FORMATS: dict[str, Callable[[str], object]] = {"date": date.fromisoformat, "date-time": moment, "uuid": UUID}
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


def published(name: str) -> Schema:
    schema: Schema = json.loads((PUBLISHED / name).read_bytes())
    return schema


def takes(schema: Schema, value: object) -> bool:
    """A validator for the part of JSON Schema 2020-12 that the published schemas use; it checks formats."""
    if "$ref" in schema and not takes(published(schema["$ref"]), value):
        return False
    if "anyOf" in schema and not any(takes(branch, value) for branch in schema["anyOf"]):
        return False
    if "oneOf" in schema and sum(takes(branch, value) for branch in schema["oneOf"]) != 1:
        return False
    types = schema.get("type", list(TYPES))
    if not any(is_of(one, value) for one in ([types] if isinstance(types, str) else types)):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if isinstance(value, str):
        return takes_text(schema, value)
    if isinstance(value, int | float):
        return (
            value >= schema.get("minimum", value)
            and value <= schema.get("maximum", value)
            and ("exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"])
            and ("exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"])
        )
    if isinstance(value, list):
        return schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)) and all(
            takes(schema.get("items", {}), item) for item in value
        )
    if isinstance(value, dict):
        return takes_members(schema, value)
    return True


def is_of(name: str, value: object) -> bool:
    return isinstance(value, TYPES[name]) and isinstance(value, bool) == (name == "boolean")


def takes_text(schema: Schema, value: str) -> bool:
    try:
        FORMATS.get(schema.get("format", ""), str)(value)
    except ValueError:
        return False
    return (
        schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        and re.search(schema.get("pattern", ""), value) is not None
    )


def takes_members(schema: Schema, value: Mapping[str, object]) -> bool:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    rest = {} if others is True else others
    return (
        value.keys() >= set(schema.get("required", []))
        and len(value) <= schema.get("maxProperties", len(value))
        and (others is not False or value.keys() <= known.keys())
        and all(takes(known.get(name, rest), child) for name, child in value.items())
    )


def send(item: object) -> Accepted | Refusal:
    origin = Origin("shop", "secret", datetime(2026, 3, 14, 12, tzinfo=UTC))
    return admit(item, origin, "k", lambda: UUID(int=1))


# --- drift ------------------------------------------------------------------------------------------------


def test_the_published_schemas_are_those_of_the_models() -> None:
    assert drift() == []
    assert jsonschemas.main(["--check"]) == 0


def test_there_is_one_file_a_type_and_version(tmp_path: Path) -> None:
    versions = {f"{type_}.v{model.VERSION}" for type_, model in MODELS.items()}
    others = {f"{name}.v1" for name in ("submission", "envelope", "failed_event", "custom", "catalogue")}
    assert {path.stem for path in PUBLISHED.glob("*.json")} == versions | others | {"email.bounced.v1"}
    assert past() == ["email.bounced.v1"]


def test_drift_is_named(tmp_path: Path) -> None:
    jsonschemas.write(tmp_path)
    assert drift(tmp_path) == ["email.bounced.v1.json is missing"]
    (tmp_path / "email.bounced.v1.json").write_text("{}")
    (tmp_path / "order.completed.v1.json").write_text("{}")
    (tmp_path / "order.vanished.v1.json").write_text("{}")
    (tmp_path / "page.viewed.v1.json").unlink()
    assert drift(tmp_path) == [
        "page.viewed.v1.json is missing",
        "order.vanished.v1.json belongs to no type and version",
        "order.completed.v1.json differs from its model",
    ]


def test_the_text_is_the_same_each_time() -> None:
    assert {name: text(schema) for name, schema in documents().items()} == {
        name: text(schema) for name, schema in documents().items()
    }


def test_every_schema_is_whole_and_plain() -> None:
    for path in PUBLISHED.glob("*.json"):
        raw = path.read_text(encoding="utf-8")
        schema = json.loads(raw)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$id"] == "urn:kizuna:schema:" + ":".join(path.stem.rsplit(".v", 1))
        assert schema["description"]
        assert "#/$defs" not in raw
        assert '"default": null' not in raw


# --- truth ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", [*MODELS, "custom.quiz_finished"])
def test_an_example_fits_its_schemas_as_sent_and_as_kept(type_: str) -> None:
    item = example(type_)
    model = MODELS.get(type_)
    properties = published(f"{type_}.v{model.VERSION}.json" if model else "custom.v1.json")
    assert takes(published("submission.v1.json"), item)
    assert takes(properties, item["properties"])
    result = send(item)
    assert isinstance(result, Accepted)
    envelope = json.loads(result.value)
    assert takes(published("envelope.v1.json"), envelope)
    if "corrects" in envelope:  # it is kept as the event that it holds
        properties = published(f"{envelope['type']}.v{envelope['version']}.json")
    assert takes(properties, envelope["properties"])


def test_the_catalogue_tells_the_types_apart() -> None:
    catalogue = published("catalogue.v1.json")
    assert catalogue["discriminator"] == {"propertyName": "type"}
    for type_ in [*MODELS, "custom.quiz_finished"]:
        item = example(type_)
        fitting = [branch["title"] for branch in catalogue["oneOf"] if takes(branch, item)]
        assert len(fitting) == 1
        assert takes(catalogue, item)
        assert not takes(catalogue, {**item, "type": "order.complete"})
        assert not takes(catalogue, {**item, "userId": "1"})
    assert takes(catalogue, {"type": "email.bounced", "version": 1, "properties": {"reason": "hard"}})
    assert takes(catalogue, {"type": "email.bounced", "version": 2, "properties": {"bounce_type": "hard"}})
    assert not takes(
        catalogue, {"type": "email.bounced", "version": 3, "properties": {"bounce_type": "hard"}}
    )
    assert not takes(catalogue, {"type": "email.bounced", "properties": {"bounce_type": "firm"}})


VALUES: list[object] = [
    *(None, True, 5, -1, 1.5, 2**40, [], {}, ["x"], [{}], {"x": 1}),
    *("", "x", "x\ny", "x" * 201, "x" * 501, "JPY", "unknown", "12.5", "12.34567"),
    *("2026-01-31", "2026-01-31T10:00:00Z", "2026-02-30"),
]


@pytest.mark.parametrize("type_", MODELS)
def test_what_a_schema_allows_is_not_refused(type_: str) -> None:
    """For each field alone; rules across fields are refused at the whole."""
    item = example(type_)
    sent = item["properties"]
    assert isinstance(sent, dict)
    schema = published(f"{type_}.v{MODELS[type_].VERSION}.json")
    for name in schema["properties"]:
        for value in VALUES:
            properties = {**sent, name: value}
            result = send({**item, "properties": properties})
            refused = isinstance(result, Refusal) and result.path.startswith("properties.")
            assert not (takes(schema, properties) and refused), (name, value, result)


@pytest.mark.parametrize("value", [{}, [], {"x": 1}])
@pytest.mark.parametrize("type_", MODELS)
def test_what_is_of_no_type_of_a_field_is_refused_by_both(type_: str, value: object) -> None:
    item = example(type_)
    sent = item["properties"]
    assert isinstance(sent, dict)
    schema = published(f"{type_}.v{MODELS[type_].VERSION}.json")
    for name in schema["properties"]:
        properties = {**sent, name: value}
        assert takes(schema, properties) == isinstance(send({**item, "properties": properties}), Accepted), (
            name
        )
