"""Definitions: what the fold reads besides touchpoints. Each is an event on the topic `definitions`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal, get_args
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from .envelope import Rights, ShortText
from .errors import ConfigurationError
from .money import Currency
from .times import Moment

Kind = Literal["trait", "workspace", "write_key", "token", "import", "owner"]
Layer = Literal["shipped", "user"]
Scope = Literal["read", "admin"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
COMPUTED: tuple[Kind, ...] = ("trait", "workspace")
"""Kinds that state is computed by, so that their definitions are activated first."""

_ACTIVATIONS = uuid5(NAMESPACE_URL, "kizuna:definition.activated")
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Definition(_Model):
    """A record of topic `definitions`. An id counts once, the copy with the smallest `rank`. Of one kind,
    name and layer the latest in force counts, by (received_at, definition_id); `body` null removes it. A
    user's definition wins over the shipped one.

    A credential is in force at once, what the fold computes by (`COMPUTED`) when it is activated."""

    definition_id: UUID
    kind: Kind
    name: Name
    layer: Layer = "user"
    received_at: Moment
    body: dict[str, object] | None

    @property
    def body_text(self) -> str | None:
        """The body as JSON; None where there is none."""
        return None if self.body is None else self.model_dump_json(include={"body"})[8:-1]

    @property
    def rank(self) -> tuple[datetime, str, str, str, str]:
        """The order of copies of one id: the earliest, then by what they say."""
        return self.received_at, self.kind, self.name, self.layer, self.body_text or ""


class Activation(_Model):
    """The other record of topic `definitions`: from here on that definition is in force. It may stand before
    the definition, or twice."""

    type: Literal["definition.activated"] = "definition.activated"
    activation_id: UUID
    definition_id: UUID
    received_at: Moment


def activation(definition_id: UUID, received_at: datetime) -> Activation:
    """The record that puts a definition in force. Its id follows from that of the definition: whoever
    appends it appends the same."""
    return Activation(
        activation_id=uuid5(_ACTIVATIONS, str(definition_id)),
        definition_id=definition_id,
        received_at=received_at,
    )


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


OWNER = "effects"
"""The name of the one definition of kind `owner`."""


class Owner(_Model):
    """The store that owns the effects of the log. Whoever becomes it raises the epoch."""

    store_id: UUID
    epoch: Annotated[int, Field(ge=1)]


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


def newest(definitions: Iterable[Definition]) -> dict[tuple[Kind, str, Layer], Definition]:
    """The newest per kind, name and layer, also where it takes something back."""
    first: dict[UUID, Definition] = {}
    for one in definitions:
        copy = first.setdefault(one.definition_id, one)
        if one.rank < copy.rank:
            first[one.definition_id] = one
    found: dict[tuple[Kind, str, Layer], Definition] = {}
    for one in first.values():
        slot = (one.kind, one.name, one.layer)
        held = found.get(slot)
        if held is None or (held.received_at, held.definition_id) < (one.received_at, one.definition_id):
            found[slot] = one
    return found


def latest(definitions: Iterable[Definition]) -> dict[tuple[Kind, str], Definition]:
    """Per kind and name the newest of the user's layer, else the newest shipped one."""
    found = newest(definitions)
    now: dict[tuple[Kind, str], Definition] = {}
    for layer in ("shipped", "user"):
        for (kind, name, its), one in found.items():
            if its == layer and one.body is not None:
                now[(kind, name)] = one
    return now


def in_force(definitions: Iterable[Definition], activated: Collection[UUID]) -> list[Definition]:
    """Those that count: `latest` of them is what holds."""
    return [one for one in definitions if one.kind not in COMPUTED or one.definition_id in activated]


def pending(definitions: Iterable[Definition], activated: Collection[UUID]) -> list[Definition]:
    """Those that wait for their activation: of each kind, name and layer the newest, if it is not activated.
    An older one has been superseded, and waits for nothing."""
    return [
        one
        for one in newest(definitions).values()
        if one.kind in COMPUTED and one.definition_id not in activated
    ]
