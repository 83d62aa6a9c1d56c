"""Fulfilment: goods on their way to the customer and back."""

from __future__ import annotations

from pydantic import Field

from .payload import Id, Label, Payload, event, personal
from .shop import Line
from .times import Day


class Fulfilment(Payload):
    """A parcel, or a part of an order that goes out at once."""

    order_id: Id = Field(description="The order it belongs to.")
    fulfilment_id: Id | None = Field(None, description="The shop's id of the parcel.")
    lines: list[Line] | None = Field(None, description="What is in it; the whole order unless given.")
    carrier: Label | None = Field(None, description="Who carries it.")
    tracking_number: Label | None = Field(None, description="The carrier's number of the parcel.")


@event("fulfilment.shipped", public=False)
class FulfilmentShipped(Fulfilment):
    """A parcel was handed to the carrier."""

    tracking_url: str | None = Field(None, description="Address where the parcel can be followed.")
    expected_on: Day | None = Field(None, description="Day on which it should arrive.")


@event("fulfilment.delivered", public=False)
class FulfilmentDelivered(Fulfilment):
    """A parcel arrived."""

    received_by: Label | None = personal("identity", "Who took it.")


@event("fulfilment.returned", public=False)
class FulfilmentReturned(Fulfilment):
    """Goods came back. Revenue follows `order.refunded`, not this."""

    return_id: Id | None = Field(None, description="The shop's id of the return.")
    reason: Label | None = Field(None, description="Why.")
