"""Definitions: what the fold reads besides touchpoints. Each is an event on the topic `definitions`."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal, get_args
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from .envelope import Rights, ShortText
from .errors import ConfigurationError
from .money import Currency
from .times import Moment

Kind = Literal["trait", "workspace", "write_key", "token", "import"]
Layer = Literal["shipped", "user"]
Scope = Literal["read", "admin"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Definition(_Model):
    """The record of topic `definitions`. Of one kind, name and layer the latest counts, by
    (received_at, definition_id); `body` null removes it. A user's definition wins over the shipped one."""

    definition_id: UUID
    kind: Kind
    name: Name
    layer: Layer = "user"
    received_at: Moment
    body: dict[str, object] | None


class Workspace(_Model):
    """What days and money mean here. The definition's name is `workspace`."""

    time_zone: str = "UTC"
    currency: Currency = "EUR"

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"no such time zone: {value}. Use an IANA name such as Asia/Tokyo")
        return value


class WriteKey(_Model):
    """A key that may send touchpoints. Only its hash is kept; `source` names what it sends."""

    sha256: Sha256
    rights: Rights
    source: ShortText


class Import(_Model):
    """A file that is imported: its name, how many rows it has, and the source of its events. The definition's
    name is `import-` and the import's id; it is received when the import begins."""

    file: Annotated[str, StringConstraints(max_length=1000)]
    rows: Annotated[int, Field(ge=0)]
    source: ShortText


class Token(_Model):
    """A key to the API. Only its hash is kept."""

    sha256: Sha256
    scope: Scope


Scalar = bool | int | Decimal | str


class Comparison(_Model):
    """All the comparisons given must hold. With a missing value only `exists: false` and `ne` do."""

    eq: Scalar | None = None
    ne: Scalar | None = None
    in_: Annotated[list[Scalar] | None, Field(alias="in", min_length=1, max_length=100)] = None
    gt: Scalar | None = None
    gte: Scalar | None = None
    lt: Scalar | None = None
    lte: Scalar | None = None
    exists: bool | None = None


Aggregate = Literal["count", "sum", "avg", "min", "max", "first", "last", "distinct", "top", "list"]
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)
Path = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[A-Za-z0-9_]+)*$", max_length=200)]


class Trait(_Model):
    """One value a profile has, computed from its events or from the present state of its entities.

    Exactly one aggregate is given. What it runs over is an event type (`order.completed`), a property of
    one (`product.viewed.category`), an entity (`ticket`), a field of one (`order.net_total`), or `event`
    for events of every type.
    """

    name: Name
    label: ShortText | None = None
    description: ShortText | None = None
    of: Literal["person", "company"] = "person"
    count: Path | None = None
    sum: Path | None = None
    avg: Path | None = None
    min: Path | None = None
    max: Path | None = None
    first: Path | None = None
    last: Path | None = None
    distinct: Path | None = None
    top: Path | None = None
    list: Path | None = None
    where: dict[Path, Scalar | Comparison] = {}

    def aggregate(self) -> tuple[Aggregate, str]:
        """The one aggregate and what it runs over. Raises ConfigurationError unless there is just one."""
        given: list[tuple[Aggregate, str]] = [
            (name, path) for name in AGGREGATES if (path := getattr(self, name)) is not None
        ]
        if len(given) != 1:
            raise ConfigurationError(
                f"trait {self.name} has {len(given)} aggregates.",
                hint=f"Give one of {', '.join(AGGREGATES)}.",
            )
        return given[0]


def latest(definitions: Iterable[Definition]) -> dict[tuple[Kind, str], Definition]:
    """What holds now: per kind and name the latest of the user's layer, else the latest shipped one."""
    newest: dict[tuple[Kind, str, Layer], Definition] = {}
    for one in definitions:
        slot = (one.kind, one.name, one.layer)
        held = newest.get(slot)
        if held is None or (held.received_at, held.definition_id) < (one.received_at, one.definition_id):
            newest[slot] = one
    now: dict[tuple[Kind, str], Definition] = {}
    for layer in ("shipped", "user"):
        for (kind, name, its), one in newest.items():
            if its == layer and one.body is not None:
                now[(kind, name)] = one
    return now
