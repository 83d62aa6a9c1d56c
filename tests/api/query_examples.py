"""The examples that OpenAPI shows are true answers. `python -m tests.api.query_examples` writes them anew."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from tests.api.query_node import ADMIN
from tests.api.query_walk import lively_node, questions

KEPT = Path(__file__).resolve().parents[2] / "query" / "static" / "examples.json"
SHOWN = 2
"""Items of a list, and days, that are enough for an example."""


def answers(folder: Path) -> dict[str, Any]:
    """By operation."""
    with lively_node(folder) as node:
        return {one.operation: _short(one.ask(node, ADMIN).json()) for one in questions(node)}


def _short(answer: dict[str, Any]) -> dict[str, Any]:
    shown = 1 if "schema" in next(iter(answer.get("items", ())), {}) else SHOWN
    for name in ("items", "history", "by_type", "by_day"):
        if name in answer:
            answer[name] = answer[name][:shown]
    if "tables" in answer:
        answer["tables"] = {name: answer["tables"][name] for name in ("identifiers", "links")}
    return answer


def text(folder: Path) -> bytes:
    return orjson.dumps(answers(folder), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        KEPT.write_bytes(text(Path(folder)))
