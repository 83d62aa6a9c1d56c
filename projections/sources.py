"""What a trait runs over: an event type or an entity kind, a field of it, and that field's SQL."""

from __future__ import annotations

from dataclasses import dataclass

from kizuna.schemas.catalogue import CUSTOM_PREFIX, model_of
from kizuna.schemas.errors import ConfigurationError
from kizuna.schemas.fields import field_kind

from . import entities

ANY_EVENT = "event"
SQL_TYPES = {
    "money": "DECIMAL(18,4)",
    "number": "DECIMAL(38,9)",
    "integer": "BIGINT",
    "moment": "TIMESTAMP",
    "date": "DATE",
    "boolean": "BOOLEAN",
    "text": "VARCHAR",
    "object": "VARCHAR",
}
ENVELOPE_FIELDS = {
    "occurred_at": "TIMESTAMP",
    "received_at": "TIMESTAMP",
    "source": "VARCHAR",
    "channel": "VARCHAR",
    "store": "VARCHAR",
}
"""Fields that every event has beside its properties."""

NUMBER = "DECIMAL(38,9)"


@dataclass(frozen=True, slots=True)
class Source:
    """`event_type` or `kind` is given, `field` is empty for the thing itself."""

    event_type: str | None
    kind: str | None
    field: str

    @property
    def model(self) -> entities.EntityModel:
        assert self.kind is not None
        return entities.BY_KIND[self.kind]

    def filter(self) -> str:
        """Which rows the source means, as SQL over alias `r`."""
        if self.kind is not None:
            return self.model.counted if self.model.counted == "true" else f"({self.model.counted})"
        return "true" if self.event_type == ANY_EVENT else f"r.type = '{self.event_type}'"

    def sql_type(self, path: str, *, numeric: bool = False) -> str:
        """The type of a field. The fields of a custom event have none: numbers if `numeric`, else text."""
        if self.kind is not None:
            return self._entity_field(path).sql_type
        if path in ENVELOPE_FIELDS and self._property_kind(path) is None:
            return ENVELOPE_FIELDS[path]
        kind = self._property_kind(path)
        if kind is None:
            return NUMBER if numeric else "VARCHAR"
        return SQL_TYPES[kind]

    def value(self, path: str, sql_type: str) -> str:
        """A field's value as SQL over alias `r`; null where it is missing or does not fit the type."""
        if self.kind is not None:
            return f"r.{path}"
        if path in ENVELOPE_FIELDS and self._property_kind(path) is None:
            return f"r.{path}"
        extracted = f"json_extract_string(r.properties, '$.{path}')"
        if sql_type == "VARCHAR":
            return extracted
        if sql_type == NUMBER:
            # Beyond 1e20 the sum of a thousand million values could overflow: such a value is left out.
            cast = f"TRY_CAST({extracted} AS {NUMBER})"
            return f"CASE WHEN abs({cast}) < 1e20::{NUMBER} THEN {cast} END"
        return f"TRY_CAST({extracted} AS {sql_type})"

    def currency(self, path: str) -> str | None:
        """Where the currency of a money field stands, if it is one."""
        if self.kind is not None:
            return "r.currency" if self._entity_field(path).money else None
        if self._property_kind(path) == "money" and self._property_kind("currency") is not None:
            return "json_extract_string(r.properties, '$.currency')"
        return None

    def _property_kind(self, path: str) -> str | None:
        if self.event_type == ANY_EVENT:
            return None
        assert self.event_type is not None
        return field_kind(self.event_type, path)

    def _entity_field(self, path: str) -> entities.Field:
        for field in self.model.fields:
            if field.name == path:
                return field
        known = ", ".join(field.name for field in self.model.fields)
        raise ConfigurationError(f"{self.kind} has no field {path}.", hint=f"It has {known}.")


def parse(path: str, trait: str) -> Source:
    """`order.completed`, `product.viewed.category`, `ticket`, `order.net_total`, `event.occurred_at` or
    `custom.<name>[.<property>]`. Raises ConfigurationError."""
    parts = path.split(".")
    if path.startswith(CUSTOM_PREFIX):
        return Source(".".join(parts[:2]), None, ".".join(parts[2:]))
    if parts[0] == ANY_EVENT:
        source = Source(ANY_EVENT, None, ".".join(parts[1:]))
        if source.field and source.field not in ENVELOPE_FIELDS:
            raise ConfigurationError(
                f"trait {trait}: events of every type have no {source.field}.",
                hint=f"They have {', '.join(ENVELOPE_FIELDS)}.",
            )
        return source
    event_type = ".".join(parts[:2])
    if len(parts) > 1 and model_of(event_type) is not None:
        return Source(event_type, None, ".".join(parts[2:]))
    if parts[0] in entities.BY_KIND and len(parts) <= 2:
        source = Source(None, parts[0], ".".join(parts[1:]))
        if source.field:
            source.sql_type(source.field)
        return source
    raise ConfigurationError(
        f"trait {trait}: {path} is neither an event type nor an entity.",
        hint=f"Entities are {', '.join(entities.BY_KIND)}; event types are listed by /api/schemas.",
    )
