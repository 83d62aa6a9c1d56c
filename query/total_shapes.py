"""The shapes of totals."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from .shapes import Amount, Paged, Shape


class Tendered(Shape):
    method: str = Field(description="As the orders call it: cash, card, points.")
    amount: Amount


class TotalsItem(Shape):
    """One line; of day, source, store and register it has what was asked for by `by`."""

    day: date | None = Field(None, description="The business day.")
    source: str | None = None
    store: str | None = Field(None, description="Null where the events do not say it.")
    register_: str | None = Field(None, alias="register", description="Null where the events do not say it.")
    currency: str | None
    orders: int = Field(description="Orders rung up, void and cancelled ones too.")
    voids: int = Field(description="Receipts that became void; made valid again, one takes one off.")
    cancellations: int = Field(description="Orders cancelled that were not void.")
    refunds: int
    unknown_refunds: int = Field(description="Those of no known order, among `refunds`.")
    payments: int = Field(description="Payments that succeeded; no part of `net`.")
    payment_refunds: int = Field(description="Payments that a provider gave back; no part of `net`.")
    gross: Amount = Field(description="Rung up, with what updates changed.")
    voided: Amount = Field(description="Taken back as void; not positive, but where one is valid again.")
    cancelled: Amount = Field(description="Taken back by cancellations; not positive.")
    refunded: Amount = Field(description="Given back; not positive, but where a refund is taken back.")
    unknown_refunded: Amount = Field(description="That of no known order, in `refunded`.")
    net: Amount = Field(description="gross + voided + cancelled + refunded")
    discounts: Amount = Field(description="On lines and orders that stand, as a positive amount.")
    tax: Amount = Field(description="Of orders that stand.")
    points_used: Amount = Field(description="By orders that stand, in points.")
    paid: Amount = Field(description="By `payments`.")
    paid_back: Amount = Field(description="By `payment_refunds`; not positive.")
    tenders: list[Tendered] = Field(description="How orders that stand were paid.")


class TotalsList(Paged):
    items: list[TotalsItem]
