"""Events of one April, as tests of the API send them, and what is told of them."""

from __future__ import annotations

from typing import Any


def at(day: int, hour: int = 9) -> str:
    return f"2026-04-{day:02}T{hour:02}:00:00Z"


def shown(day: int) -> str:
    """As answers write it."""
    return f"2026-04-{day:02}T09:00:00.000000Z"


def event(type_: str, day: int, properties: dict[str, Any], user: str = "", **more: Any) -> dict[str, Any]:
    ids = {"ids": {"user_id": user}} if user else {}
    return {"type": type_, "properties": properties, "occurred_at": at(day), **ids, **more}


def numbers(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]
