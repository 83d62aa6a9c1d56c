"""Definitions in force: of those activated, of each kind and name the latest of the user's layer, else
the latest shipped one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.reference.events import Record

AGGREGATES = ("count", "sum", "avg", "min", "max", "first", "last", "distinct", "top", "list")


def split(records: Iterable[Record]) -> tuple[dict[UUID, dict[str, Any]], set[UUID], list[Record]]:
    """Definitions by id, the ids that are activated, and the records that are neither."""
    good: dict[UUID, dict[str, Any]] = {}
    activated, bad = set(), []
    for record in records:
        try:
            one = json.loads(record.value, parse_float=Decimal)
            one["received_at"] = datetime.fromisoformat(one["received_at"])
            if one.get("type") == "definition.activated":
                activated.add(UUID(one["definition_id"]))
                continue
            if one["kind"] == "trait" and one["body"] is not None:
                aggregate(one["body"])
                if one["body"]["name"] != one["name"]:
                    raise ValueError("holds another trait")
            good[UUID(one["definition_id"])] = one
        except (ValueError, TypeError, KeyError):
            bad.append(record)
    return good, activated, bad


def in_force(
    definitions: dict[UUID, dict[str, Any]], activated: set[UUID]
) -> dict[tuple[str, str], dict[str, Any]]:
    """Bodies by kind and name. A null body removes what its layer said."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    ordered = sorted(definitions.keys() & activated, key=lambda id_: (definitions[id_]["received_at"], id_))
    for layer in ("shipped", "user"):
        latest: dict[tuple[str, str], Any] = {}
        for id_ in ordered:
            one = definitions[id_]
            if one.get("layer", "user") == layer:
                latest[one["kind"], one["name"]] = one["body"]
        found |= {slot: body for slot, body in latest.items() if body is not None}
    return found


def aggregate(trait: dict[str, Any]) -> tuple[str, str]:
    """The one aggregate and what it runs over."""
    ((name, path),) = ((name, trait[name]) for name in AGGREGATES if trait.get(name) is not None)
    return name, path
