"""The door as tests use it: send an item as source `shop`, and look at what comes out."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.envelope import Rights
from kizuna.schemas.refusal import Refusal

RECEIVED = datetime(2026, 3, 14, 12, tzinfo=UTC)
KEY = "workspace key"
NEW = UUID(int=7)


def send(item: object, rights: Rights = "secret") -> Accepted | Refusal:
    return admit(item, Origin("shop", rights, RECEIVED), KEY, lambda: NEW)


def accept(item: object, rights: Rights = "secret") -> dict[str, Any]:
    """The envelope as a reader of the topic sees it."""
    result = send(item, rights)
    assert isinstance(result, Accepted), result
    envelope: dict[str, Any] = json.loads(result.value)
    return envelope


def refuse(item: object, rights: Rights = "secret") -> Refusal:
    result = send(item, rights)
    assert isinstance(result, Refusal), result
    return result


def order(**properties: object) -> dict[str, object]:
    return {"type": "order.completed", "properties": {"order_id": "A-1", "currency": "JPY", **properties}}
