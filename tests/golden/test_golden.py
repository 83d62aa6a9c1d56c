"""Every past and present version of every type stays readable: one file each, never written again.

A file holds an envelope as it stood in the log, and the properties that a reader must get out of it today.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from kizuna.schemas import codec
from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.catalogue import model_of
from kizuna.schemas.envelope import Envelope
from kizuna.schemas.examples import example
from kizuna.schemas.payload import MODELS
from kizuna.schemas.upcasting import LADDER, upcast

FOLDER = Path(__file__).parent
CUSTOM = "custom.quiz_finished"
VERSIONS = sorted(LADDER) + [(type_, model.VERSION) for type_, model in MODELS.items()] + [(CUSTOM, 1)]


def name_of(type_: str, version: int) -> str:
    return f"{type_}.v{version}.json"


def properties_today(envelope: Envelope) -> dict[str, Any]:
    """What a reader gets out of an envelope of any version."""
    model = model_of(envelope.type)
    assert model is not None
    payload = model.model_validate(upcast(envelope.type, envelope.version, envelope.properties))
    return payload.model_dump(mode="json", exclude_none=True)


def golden_text(type_: str) -> str:
    """The file of a type's current version, to be kept when the version is new."""
    origin = Origin("golden", "secret", datetime(2026, 3, 14, 12, tzinfo=UTC))
    accepted = admit(example(type_), origin, "golden", lambda: UUID(int=1))
    assert isinstance(accepted, Accepted)
    envelope = Envelope.model_validate_json(accepted.value)
    content = {"envelope": codec.loads(accepted.value), "payload": properties_today(envelope)}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def test_every_version_of_every_type_has_a_file() -> None:
    found = {path.name for path in FOLDER.glob("*.json")}
    expected = {name_of(type_, version) for type_, version in VERSIONS}
    assert found - expected == set(), "these belong to no version"
    for type_, version in VERSIONS:
        if name_of(type_, version) not in found:
            pytest.fail(f"keep this as tests/golden/{name_of(type_, version)}:\n{golden_text(type_)}")


@pytest.mark.parametrize(("type_", "version"), VERSIONS)
def test_a_golden_file_is_read_as_it_was(type_: str, version: int) -> None:
    golden = json.loads((FOLDER / name_of(type_, version)).read_bytes())
    envelope = Envelope.model_validate_json(json.dumps(golden["envelope"]))
    # A correction stands in the log as an event of the type that it holds.
    kept = type_ if envelope.corrects is None else "event.corrected"
    assert (kept, envelope.version) == (type_, version)
    assert envelope.type == type_ or kept == "event.corrected"
    assert properties_today(envelope) == golden["payload"]


@pytest.mark.parametrize(("type_", "version"), VERSIONS)
def test_what_is_read_could_be_sent_today(type_: str, version: int) -> None:
    """So a reader's schema of the current version covers the old events too."""
    golden = json.loads((FOLDER / name_of(type_, version)).read_bytes())
    item = {**example(golden["envelope"]["type"]), "properties": golden["payload"]}
    origin = Origin("golden", "secret", datetime(2026, 3, 14, 12, tzinfo=UTC))
    accepted = admit(item, origin, "golden", lambda: UUID(int=1))
    assert isinstance(accepted, Accepted)
    assert json.loads(accepted.value)["properties"] == golden["payload"]


def test_the_old_bounce_is_read_with_its_kind() -> None:
    golden = json.loads((FOLDER / "email.bounced.v1.json").read_bytes())
    assert "bounce_type" not in golden["envelope"]["properties"]
    assert golden["payload"] == {**golden["envelope"]["properties"], "bounce_type": "hard"}
