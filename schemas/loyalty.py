"""Loyalty: membership, points, stamps and tiers."""

from __future__ import annotations

from pydantic import Field, field_validator

from .envelope import ShortText
from .money import Quantity, QuantityAboveZero
from .payload import Id, Label, Payload, event, personal
from .times import Day


class Loyalty(Payload):
    """Something about a person's membership in a programme."""

    program_id: Id | None = Field(None, description="The programme, where there are several.")


@event("loyalty.enrolled", min_ids=1)
class LoyaltyEnrolled(Loyalty):
    """A person joined the programme."""

    tier: Label | None = Field(None, description="First tier.")
    staff_id: Id | None = Field(None, description="Who enrolled them.")


class Movement(Loyalty):
    """What changed the balance of a person's points or stamps."""

    order_id: Id | None = Field(None, description="The order it comes from or goes into.")
    reason: Label | None = Field(None, description="Why.")
    staff_id: Id | None = Field(None, description="Who booked it.")


class Points(Movement):
    """A change of a person's points."""

    points: QuantityAboveZero = Field(description="Number of points, more than 0.")
    balance: Quantity | None = Field(None, description="Points after it, as the programme says.")


class Stamps(Movement):
    """A change of a person's stamps."""

    stamps: QuantityAboveZero = Field(description="Number of stamps, more than 0.")
    balance: Quantity | None = Field(None, description="Stamps after it, as the programme says.")


class Earned(Movement):
    """What was earned may end one day."""

    expires_on: Day | None = Field(None, description="Last day on which they can be used.")


class Redeemed(Movement):
    """What was spent was spent on something."""

    reward: Label | None = Field(None, description="What they were given for.")


def _moves(number: Quantity) -> Quantity:
    if number == 0:
        raise ValueError("is 0: nothing was adjusted")
    return number


@event("loyalty.points_earned", public=False, min_ids=1)
class LoyaltyPointsEarned(Points, Earned):
    """A person got points."""


@event("loyalty.points_redeemed", public=False, min_ids=1)
class LoyaltyPointsRedeemed(Points, Redeemed):
    """A person spent points."""


@event("loyalty.points_expired", public=False, min_ids=1)
class LoyaltyPointsExpired(Points):
    """Points ended unused."""


@event("loyalty.points_adjusted", public=False, min_ids=1)
class LoyaltyPointsAdjusted(Points):
    """Points were booked by hand."""

    points: Quantity = Field(description="Number of points; below 0 they are taken.")

    _adjusted = field_validator("points")(_moves)


@event("loyalty.stamps_earned", public=False, min_ids=1)
class LoyaltyStampsEarned(Stamps, Earned):
    """A person got stamps."""


@event("loyalty.stamps_redeemed", public=False, min_ids=1)
class LoyaltyStampsRedeemed(Stamps, Redeemed):
    """A person spent stamps."""


@event("loyalty.stamps_expired", public=False, min_ids=1)
class LoyaltyStampsExpired(Stamps):
    """Stamps ended unused."""


@event("loyalty.stamps_adjusted", public=False, min_ids=1)
class LoyaltyStampsAdjusted(Stamps):
    """Stamps were booked by hand."""

    stamps: Quantity = Field(description="Number of stamps; below 0 they are taken.")

    _adjusted = field_validator("stamps")(_moves)


@event("loyalty.tier_changed", public=False, min_ids=1)
class LoyaltyTierChanged(Loyalty):
    """A person has another tier."""

    tier: ShortText = Field(description="The new tier.")
    previous_tier: Label | None = Field(None, description="The tier before.")
    valid_until: Day | None = Field(None, description="Last day of the new tier.")
    reason: Label | None = Field(None, description="Why.")


@event("loyalty.card_replaced", public=False, min_ids=1)
class LoyaltyCardReplaced(Loyalty):
    """A person has another card. The cards are not joined by this: that takes `customer.aliased`."""

    old_card: Label | None = personal("identity", "Number of the card that no longer holds.")
    new_card: ShortText = Field(
        description="Number of the new card.", json_schema_extra={"personal_data": "identity"}
    )
    reason: Label | None = Field(None, description="Why, such as lost, worn, upgraded.")


@event("loyalty.withdrawn", public=False, min_ids=1)
class LoyaltyWithdrawn(Loyalty):
    """A person left the programme."""

    reason: Label | None = Field(None, description="Why.")
