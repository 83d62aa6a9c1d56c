"""The tables of the store, and the manifest: which are folded, read back, or local.

`folded` is what the fold makes of the records; `read back` will be what was decided once, appended to the
log, and is taken from there (no table yet); `local` is what this store alone needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import entities

Role = Literal["folded", "read back", "local"]


@dataclass(frozen=True, slots=True)
class Table:
    """`columns` is the DDL: name and type of each. Of a `folded` or `read back` table the canonical hash
    covers every column, keys resolved to identifiers; a `local` one says why it is not compared."""

    name: str
    role: Role
    columns: tuple[tuple[str, str], ...]
    subject_keys: tuple[str, ...] = ()
    entity_keys: tuple[str, ...] = ()
    state_key: tuple[str, ...] = ()
    reason: str = ""

    @property
    def ddl(self) -> str:
        columns = ", ".join(f'"{name}" {sql_type}' for name, sql_type in self.columns)
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({columns})"


LOG_COLUMNS = frozenset({"recorded_at", "partition", "offset"})
"""Where and when the log took a record. A log of another kind that holds the same events has others."""

ORDER_KEY = "STRUCT(occurred_at TIMESTAMP, received_at TIMESTAMP, event_id UUID)"
"""History order of an event, comparable with < and max()."""

META = Table(
    "meta",
    "local",
    (("key", "VARCHAR"), ("value", "VARCHAR")),
    reason="names this store, its log and the version of the fold",
)
CLOCK = Table(
    "clock",
    "local",
    (("t", "TIMESTAMP"), ("recorded_high", "TIMESTAMP")),
    reason="T moves with the wall clock; it is given to both sides of a comparison",
)
POSITIONS = Table(
    "positions",
    "local",
    (("topic", "VARCHAR"), ("generation", "INTEGER"), ("partition", "INTEGER"), ("offset", "BIGINT")),
    reason="given to both sides of a comparison",
)
DEFINITIONS = Table(
    "definitions",
    "folded",
    (
        ("definition_id", "UUID"),
        ("kind", "VARCHAR"),
        ("name", "VARCHAR"),
        ("layer", "VARCHAR"),
        ("received_at", "TIMESTAMP"),
        ("body", "VARCHAR"),
        # The same definition in the log again is counted as a duplicate.
        ("repeats", "BIGINT"),
    ),
    state_key=("definition_id",),
)
ACTIVATIONS = Table(
    "activations",
    "folded",
    # Which definitions are in force; of one that is not known yet too.
    (("definition_id", "UUID"), ("received_at", "TIMESTAMP"), ("repeats", "BIGINT")),
    state_key=("definition_id",),
)
IDENTIFIERS = Table(
    "identifiers",
    "folded",
    (
        ("subject", "BIGINT"),
        ("subject_id", "UUID"),
        ("kind", "VARCHAR"),
        ("value", "VARCHAR"),
        ("profile", "BIGINT"),
        # Admission order of the earliest event that names it.
        ("first_seen", "STRUCT(received_at TIMESTAMP, occurred_at TIMESTAMP, event_id UUID)"),
    ),
    subject_keys=("subject", "profile"),
    state_key=("subject",),
)
LINKS = Table(
    "links",
    "folded",
    (
        ("a", "BIGINT"),
        ("b", "BIGINT"),
        # Admission order of the earliest event that links them, and whether it came by a secret alias.
        ("received_at", "TIMESTAMP"),
        ("occurred_at", "TIMESTAMP"),
        ("event_id", "UUID"),
        ("forced", "BOOLEAN"),
        ("accepted", "BOOLEAN"),
        ("reason", "VARCHAR"),
    ),
    subject_keys=("a", "b"),
    state_key=("a", "b", "forced"),
)
ENTITIES = Table(
    "entities",
    "folded",
    (
        ("entity", "BIGINT"),
        ("entity_id", "UUID"),
        ("kind", "VARCHAR"),
        ("namespace", "VARCHAR"),
        ("id", "VARCHAR"),
        ("owner", "BIGINT"),
        ("company", "BIGINT"),
    ),
    subject_keys=("owner", "company"),
    entity_keys=("entity",),
    state_key=("entity",),
)
EVENTS = Table(
    "events",
    "folded",
    (
        ("event_id", "UUID"),
        ("type", "VARCHAR"),
        ("version", "SMALLINT"),
        ("occurred_at", "TIMESTAMP"),
        ("received_at", "TIMESTAMP"),
        ("recorded_at", "TIMESTAMP"),
        ("partition", "INTEGER"),
        ("offset", "BIGINT"),
        ("source", "VARCHAR"),
        ("secret", "BOOLEAN"),
        ("subject", "BIGINT"),
        ("company", "BIGINT"),
        ("entity", "BIGINT"),
        # The first 128 bits of the SHA-256 in the envelope.
        ("body_hash", "UUID"),
        ("test", "BOOLEAN"),
        # The event that this one corrects: takes out, and stands in for.
        ("corrects", "UUID"),
        # The event id of the copy that this one replaces, a conflict that was repaired.
        ("replaces", "UUID"),
        ("store", "VARCHAR"),
        ("register", "VARCHAR"),
        ("channel", "VARCHAR"),
        ("import_id", "VARCHAR"),
        # Only where they say more than the columns before: all ids when there are several, and so on.
        ("ids", "VARCHAR"),
        ("entities", "VARCHAR"),
        ("properties", "VARCHAR"),
        ("context", "VARCHAR"),
        ("more", "VARCHAR"),
    ),
    subject_keys=("subject", "company"),
    entity_keys=("entity",),
    state_key=("event_id",),
)
ENTITY = "STRUCT(kind VARCHAR, namespace VARCHAR, id VARCHAR)"

COPIES = Table(
    "copies",
    "folded",
    # Copies of an event id that do not count, as they were decoded: one may count later, when those before
    # it are taken out. `taken`: a correction or retraction took it out. Of the others the same body is a
    # duplicate, another one a conflict.
    (
        *(column for column in EVENTS.columns if column[0] not in ("subject", "company", "entity")),
        ("person", "STRUCT(kind VARCHAR, value VARCHAR)"),
        ("person_id", "UUID"),
        ("company_ref", "VARCHAR"),
        ("company_id", "UUID"),
        ("entity_ref", ENTITY),
        ("entity_id", "UUID"),
        ("taken", "BOOLEAN"),
    ),
    state_key=("partition", "offset"),
)
CONTROLS = Table(
    "controls",
    "folded",
    # What takes copies out: retractions, corrections and repaired conflicts, by a target. Of an id that a
    # control has the first of all copies: one that is no control has no target. `root`: what a chain of
    # corrections began with. `entity_ref`, `company_ref`, `entities` and `import_id` say by what it can
    # itself be taken out.
    (
        ("event_id", "UUID"),
        ("received_at", "TIMESTAMP"),
        ("occurred_at", "TIMESTAMP"),
        ("recorded_at", "TIMESTAMP"),
        ("body_hash", "UUID"),
        ("partition", "INTEGER"),
        ("offset", "BIGINT"),
        ("target_event", "UUID"),
        ("target_entity", ENTITY),
        ("target_import", "VARCHAR"),
        ("replaced_event", "UUID"),
        ("replaced_body", "UUID"),
        ("correction", "BOOLEAN"),
        ("root", "UUID"),
        ("entity_ref", ENTITY),
        ("company_ref", "VARCHAR"),
        ("entities", "VARCHAR"),
        ("import_id", "VARCHAR"),
        ("effective", "BOOLEAN"),
    ),
    state_key=("event_id",),
)
ID_FILES = Table(
    "id_files",
    "local",
    (("number", "INTEGER"), ("file", "VARCHAR")),
    reason="which files hold the ids of events; they can be made again from the events",
)
ID_COVERAGE = Table(
    "id_coverage",
    "local",
    (("partition", "INTEGER"), ("offset", "BIGINT")),
    reason="up to where these files hold them",
)
FAILED_ITEMS = Table(
    "failed_items",
    "folded",
    (
        ("failed_id", "UUID"),
        ("code", "VARCHAR"),
        ("path", "VARCHAR"),
        ("reason", "VARCHAR"),
        ("via", "VARCHAR"),
        ("source", "VARCHAR"),
        # Of the key that the item came with; none where a record of the log itself could not be read.
        ("rights", "VARCHAR"),
        ("received_at", "TIMESTAMP"),
        ("recorded_at", "TIMESTAMP"),
        ("topic", "VARCHAR"),
        ("partition", "INTEGER"),
        ("offset", "BIGINT"),
        ("item", "VARCHAR"),
        ("file", "VARCHAR"),
        ("line", "BIGINT"),
        ("import_id", "VARCHAR"),
        # The same failed item sent again is counted as a duplicate.
        ("repeats", "BIGINT"),
    ),
    state_key=("failed_id",),
)
MOVEMENTS = Table(
    "movements",
    "folded",
    # The ledger of order money: what each event added to, or took from, the net total, or 0.
    (
        ("entity", "BIGINT"),
        ("event_id", "UUID"),
        ("type", "VARCHAR"),
        ("occurred_at", "TIMESTAMP"),
        ("amount", "DECIMAL(18,4)"),
        ("currency", "VARCHAR"),
        ("source", "VARCHAR"),
        ("store", "VARCHAR"),
        ("register", "VARCHAR"),
        ("business_date", "DATE"),
        ("owner", "BIGINT"),
        ("company", "BIGINT"),
    ),
    subject_keys=("owner", "company"),
    entity_keys=("entity",),
    state_key=("event_id",),
)
FIELDS = Table(
    "fields",
    "folded",
    # What identify and company events said of a subject, field by field, the last by history order.
    (
        ("subject", "BIGINT"),
        ("field", "VARCHAR"),
        ("value", "VARCHAR"),
        ("said", ORDER_KEY),
    ),
    subject_keys=("subject",),
    state_key=("subject", "field"),
)
TRAIT_VALUES = Table(
    "trait_values",
    "folded",
    # How often each value was seen: for distinct, top and list.
    (("subject", "BIGINT"), ("trait", "VARCHAR"), ("value", "VARCHAR"), ("n", "BIGINT")),
    subject_keys=("subject",),
    state_key=("subject", "trait", "value"),
)


def entity_table(model: entities.EntityModel) -> Table:
    return Table(
        model.table,
        "folded",
        (
            ("entity", "BIGINT"),
            ("owner", "BIGINT"),
            ("company", "BIGINT"),
            ("source", "VARCHAR"),
            *((field.name, field.sql_type) for field in model.fields),
        ),
        subject_keys=("owner", "company"),
        entity_keys=("entity",),
        state_key=("entity",),
    )


FIXED = (
    META,
    CLOCK,
    POSITIONS,
    DEFINITIONS,
    ACTIVATIONS,
    IDENTIFIERS,
    LINKS,
    ENTITIES,
    EVENTS,
    COPIES,
    CONTROLS,
    ID_FILES,
    ID_COVERAGE,
    FAILED_ITEMS,
    MOVEMENTS,
    FIELDS,
    TRAIT_VALUES,
    *(entity_table(model) for model in entities.MODELS),
)
"""Every table but the trait tables, whose columns follow from the definitions (`projections.traits`)."""
