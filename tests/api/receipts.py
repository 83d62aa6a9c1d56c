"""Receipts that are sent, corrected and taken out, and what a node then says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kizuna.schemas.admission import event_id_for
from tests.api.query_node import QueryNode, query_node
from tests.properties.test_rebuild import rebuilt

RETRACTED = ("taken_out", "restored", "replaced", "folded")


@contextmanager
def checked_node(folder: Path) -> Iterator[QueryNode]:
    """Whatever is done to it, a rebuild gives the same state, and every record is accounted for."""
    with query_node(folder, partitions=3) as node:
        yield node
        node.fold()
        assert node.get("/api/status")["account"]["adds_up"] is True
        assert rebuilt(node.log, node.store, node.projector).differences == {}


def order(number: str, total: str = "100", **parts: Any) -> dict[str, Any]:
    return {
        "type": "order.completed",
        "message_id": number,
        "ids": {"user_id": "u-1"},
        "occurred_at": "2026-04-01T00:00:00Z",
        "properties": {"order_id": number, "currency": "JPY", "total": total},
        **parts,
    }


def id_of(message_id: str, source: str = "shop") -> str:
    return str(event_id_for(source, message_id))


def spent(node: QueryNode) -> tuple[int, str | None]:
    found = node.look_up("user_id", "u-1")["traits"]
    return found["orders_count"] or 0, found["lifetime_value"]


def timeline(node: QueryNode) -> list[dict[str, Any]]:
    profile = node.look_up("user_id", "u-1")["id"]
    items: list[dict[str, Any]] = node.get(f"/api/profiles/{profile}/timeline")["items"]
    return items


def do(node: QueryNode, path: str, status: int = 200, params: Any = None, **body: Any) -> dict[str, Any]:
    return node.ask("POST", f"/api/{path}", status, json=body, params=params)


def effect(answer: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(answer[name] for name in RETRACTED)
