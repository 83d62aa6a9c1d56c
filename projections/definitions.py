"""The definitions in force, read from the store, and the traits that are shipped."""

from __future__ import annotations

from datetime import UTC
from functools import lru_cache
from importlib.resources import files

import duckdb
import orjson
import yaml

from kizuna.schemas.definitions import Definition, Trait, Workspace, latest

from .traits import Plan, plan

WORKSPACE = ("workspace", "workspace")
"""Kind and name of the definition that says what days and money mean."""


def shipped() -> list[Trait]:
    """The traits that come with the package."""
    text = files("kizuna.projections").joinpath("shipped.yaml").read_text(encoding="utf-8")
    return [Trait.model_validate(one) for one in yaml.safe_load(text)["traits"]]


def current(snapshot: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], Definition]:
    """What holds at the snapshot's cut, by kind and name. What is known of imports is in force nowhere."""
    rows = snapshot.execute(
        "SELECT definition_id, kind, name, layer, received_at, body FROM definitions WHERE kind <> 'import'"
    ).fetchall()
    found = latest(
        Definition(
            definition_id=definition_id,
            kind=kind,
            name=name,
            layer=layer,
            received_at=received_at.replace(tzinfo=UTC),
            body=None if body is None else orjson.loads(body),
        )
        for definition_id, kind, name, layer, received_at, body in rows
    )
    return {(kind, name): one for (kind, name), one in found.items()}


def load_plan(snapshot: duckdb.DuckDBPyConnection) -> Plan:
    """The plan in force. Compiled once for the same definitions."""
    held = current(snapshot)
    traits = tuple(
        orjson.dumps(one.body).decode() for (kind, _), one in sorted(held.items()) if kind == "trait"
    )
    workspace = held.get(WORKSPACE)
    return _compiled(traits, "{}" if workspace is None else orjson.dumps(workspace.body).decode())


@lru_cache(maxsize=8)
def _compiled(traits: tuple[str, ...], workspace: str) -> Plan:
    return plan([Trait.model_validate_json(one) for one in traits], Workspace.model_validate_json(workspace))
