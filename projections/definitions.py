"""Definitions: kept from their topic, those in force compiled to a plan, and the traits that are shipped."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from functools import cached_property, lru_cache
from importlib.resources import files
from uuid import UUID

import duckdb
import orjson
import yaml
from pydantic import ValidationError

from kizuna.schemas.definitions import (
    Activation,
    Definition,
    Import,
    Kind,
    Owner,
    Trait,
    Workspace,
    in_force,
    latest,
    pending,
)
from kizuna.schemas.errors import ConfigurationError

from .batch import Rows
from .compiler import Parameters, compile_trait
from .failures import keep_unreadable
from .script import Script
from .traits import Plan, plan

TOPIC = "definitions"
WORKSPACE: tuple[Kind, str] = ("workspace", "workspace")
"""Kind and name of the definition that says what days and money mean."""

RESERVED = ("subject", "profile", "shaken")
"""Names of columns that stand beside those of the traits."""

REPEAT = "UPDATE {table} SET repeats = repeats + 1 WHERE definition_id = ?"
KEEP = "INSERT INTO definitions VALUES ($1, $2, $3, $4, $5, $6, 0)"
KEEP_EARLIER = """
UPDATE definitions SET kind = $2, name = $3, layer = $4, received_at = $5, body = $6
WHERE definition_id = $1
AND (received_at, kind, name, layer, coalesce(body, '')) > ($5::TIMESTAMP, $2, $3, $4, coalesce($6, ''))
"""
ACTIVATE = "INSERT INTO activations VALUES ($1, $2, 0)"
ACTIVATE_EARLIER = """
UPDATE activations SET received_at = least(received_at, $2::TIMESTAMP) WHERE definition_id = $1
"""
HELD = """
SELECT d.definition_id, kind, name, layer, d.received_at, body, a.definition_id IS NOT NULL
FROM definitions d LEFT JOIN activations a USING (definition_id) WHERE kind <> 'import'
"""
"""What is known of imports is in force nowhere."""


@dataclass(frozen=True)
class Held:
    """The definitions that a store has read, and which of them are activated."""

    definitions: tuple[Definition, ...]
    activated: frozenset[UUID]

    @cached_property
    def current(self) -> dict[tuple[Kind, str], Definition]:
        """What is in force, by kind and name."""
        return latest(in_force(self.definitions, self.activated))

    @cached_property
    def pending(self) -> list[Definition]:
        """What will be, once it is activated."""
        return pending(self.definitions, self.activated)

    @property
    def plan(self) -> Plan:
        """The plan in force. One object for the same definitions."""
        return _plan(self.current)

    @property
    def next_plan(self) -> Plan:
        """The plan that will be in force when what is pending is activated."""
        activated = self.activated | {one.definition_id for one in self.pending}
        return _plan(latest(in_force(self.definitions, activated)))


def shipped() -> list[Trait]:
    """The traits that come with the package."""
    text = files("kizuna.projections").joinpath("shipped.yaml").read_text(encoding="utf-8")
    return [Trait.model_validate(one) for one in yaml.safe_load(text)["traits"]]


def keep(script: Script, rows: Rows) -> None:
    """Fold records of the topic. Of one id the copy with the smallest `rank` counts, the others are repeats
    of it."""
    for row in rows:
        try:
            one = read_record(row.value)
        except (ValidationError, ConfigurationError) as error:
            reason = str(error)
            if isinstance(error, ValidationError):
                reason = error.errors(include_url=False, include_input=False)[0]["msg"]
            text = row.value.decode(errors="replace")
            keep_unreadable(script, TOPIC, [(row.partition, row.offset, row.recorded_at, text)], reason)
            continue
        table = "activations" if isinstance(one, Activation) else "definitions"
        repeated = script.first(REPEAT.format(table=table), [one.definition_id]) != (0,)
        received_at = one.received_at.replace(tzinfo=None)
        if isinstance(one, Activation):
            script.execute(ACTIVATE_EARLIER if repeated else ACTIVATE, [one.definition_id, received_at])
        else:
            script.execute(
                KEEP_EARLIER if repeated else KEEP,
                [one.definition_id, one.kind, one.name, one.layer, received_at, one.body_text],
            )


def read_record(value: bytes) -> Definition | Activation:
    """A record of the topic. Raises ValidationError or ConfigurationError for what is none, or could not be
    put in force: it would stop the fold wherever it is read."""
    if _is_activation(value):
        return Activation.model_validate_json(value)
    one = Definition.model_validate_json(value)
    if one.kind == "trait" and one.body is not None:
        trait = Trait.model_validate(one.body)
        if trait.name != one.name:
            raise ConfigurationError(f"the definition of {one.name} holds a trait named {trait.name}")
        if trait.name in RESERVED or "__" in trait.name:
            raise ConfigurationError(f"no trait can be named {trait.name}", hint="Choose another name.")
        compile_trait(trait, Workspace().currency, Parameters())
    elif one.kind == "import":
        Import.model_validate(one.body)
    elif one.kind == "owner":
        Owner.model_validate(one.body)
    elif one.kind == "workspace":
        Workspace.model_validate(one.body)
    return one


def read(snapshot: duckdb.DuckDBPyConnection) -> Held:
    """The definitions of the snapshot's cut."""
    rows = snapshot.execute(HELD).fetchall()
    return Held(
        tuple(
            Definition(
                definition_id=definition_id,
                kind=kind,
                name=name,
                layer=layer,
                received_at=received_at.replace(tzinfo=UTC),
                body=None if body is None else orjson.loads(body),
            )
            for definition_id, kind, name, layer, received_at, body, _ in rows
        ),
        frozenset(row[0] for row in rows if row[-1]),
    )


def load_plan(snapshot: duckdb.DuckDBPyConnection) -> Plan:
    """The plan in force at the snapshot's cut."""
    return read(snapshot).plan


def _is_activation(value: bytes) -> bool:
    try:
        record = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return isinstance(record, dict) and "type" in record


def _plan(held: dict[tuple[Kind, str], Definition]) -> Plan:
    traits = tuple(
        orjson.dumps(one.body).decode() for (kind, _), one in sorted(held.items()) if kind == "trait"
    )
    workspace = held.get(WORKSPACE)
    return _compiled(traits, "{}" if workspace is None else orjson.dumps(workspace.body).decode())


@lru_cache(maxsize=8)
def _compiled(traits: tuple[str, ...], workspace: str) -> Plan:
    return plan([Trait.model_validate_json(one) for one in traits], Workspace.model_validate_json(workspace))
