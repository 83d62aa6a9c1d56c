"""What is submitted to correct an event: the event as it is kept, patched, in the place of the one before."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from kizuna.schemas import catalogue as _catalogue  # noqa: F401  (fills MODELS)
from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.correcting import correcting, retracting
from kizuna.schemas.examples import example
from kizuna.schemas.payload import MODELS
from tests.door import KEY, accept, order

ACTOR = {"kind": "staff", "id": "S-8"}
LATER = datetime(2026, 4, 1, tzinfo=UTC)
OF_ITS_COMING = {
    *("event_id", "received_at", "sent_at", "original_timestamp", "clamped", "body_hash"),
    *("corrects", "correction"),
}


def corrected(envelope: dict[str, Any], new_id: int, patch: dict[str, Any] | None = None) -> dict[str, Any]:
    item = correcting(envelope, patch or {}, "misheard", ACTOR)
    sealed = admit(item, Origin(envelope["source"], "secret", LATER), KEY, lambda: UUID(int=new_id))
    assert isinstance(sealed, Accepted), sealed
    found: dict[str, Any] = json.loads(sealed.value)
    return found


def said(envelope: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in envelope.items() if name not in OF_ITS_COMING}


@pytest.mark.parametrize("type_", sorted(set(MODELS) - {"event.corrected", "event.retracted"}))
def test_an_empty_patch_says_the_same_again(type_: str) -> None:
    """Also of what a client with a wrong clock sent without a time, and of a correction."""
    sent = example(type_)
    for item in (sent, {**sent, "test": True, "sent_at": "2026-03-14T12:05:00Z"}):
        envelope = accept(item)
        first = corrected(envelope, 1)
        assert said(first) == said(envelope)
        assert first["corrects"] == envelope["event_id"]
        assert first["correction"] == {"reason": "misheard", "actor": ACTOR}
        second = corrected(first, 2)
        assert said(second) == said(envelope)
        assert second["corrects"] == first["event_id"]


def test_a_correction_is_corrected_from_what_it_says() -> None:
    envelope = accept(order(total="10"))
    first = corrected(envelope, 1, {"properties": {"total": "7"}, "ids": {"user_id": "C-2"}})
    assert first["properties"]["total"] == "7.0000"
    assert corrected(first, 2, {"channel": "store"})["ids"] == [{"kind": "user_id", "value": "C-2"}]


def test_a_retraction_names_its_target_and_says_why() -> None:
    target = {"import_id": "i-1"}
    item = retracting(target, "of another shop", ACTOR)
    assert accept(item)["properties"] == {"import_id": "i-1", "reason": "of another shop"}
    assert accept(item)["actor"] == ACTOR
    assert target == {"import_id": "i-1"}
    assert "reason" not in accept(retracting(target, None, ACTOR))["properties"]
