"""Why an item was not accepted. Bad data is data: a refusal is kept beside the item, never raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "invalid_json",  # not JSON, or JSON that no store can keep exactly (NaN, huge integers, lone surrogates)
    "too_large",  # over the limit of one item, in bytes, depth or number of properties
    "invalid",  # a field is missing or of the wrong kind
    "unknown_type",  # no such event type
    "no_identity",  # nobody and nothing that the event could belong to
    "not_allowed",  # the write key may not send this
    "unmapped",  # a row of a file that the map could not turn into an event
    "conflict",  # the id is held by an earlier event with another content
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """`path` points into the item (`properties.lines.0.quantity`), empty for the whole item."""

    code: Code
    path: str
    reason: str
