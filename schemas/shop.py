"""Orders, payments, coupons and carts. Amounts are in the event's own `currency`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pydantic import Field, ValidationInfo, field_validator, model_validator

from .money import (
    MOST,
    TOO_LARGE,
    Currency,
    Money,
    MoneyAboveZero,
    MoneyFromZero,
    Quantity,
    QuantityFromZero,
    Rate,
    rounded,
)
from .payload import Count, Id, Label, Part, Payload, event
from .times import Day


class Line(Part):
    """One line of an order or cart."""

    product_id: Id | None = Field(None, description="The shop's id of the product.")
    sku: Label | None = Field(None, description="Stock keeping unit: the variant that is sold.")
    name: Label | None = Field(None, description="Name of the product as the customer saw it.")
    category: Label | None = Field(None, description="Category of the product.")
    quantity: Quantity = Field(Decimal(1), description="Pieces, kilograms or hours.")
    unit_price: Money | None = Field(None, description="Price of one, before the line's discount.")
    discount: Money | None = Field(None, description="Discount on the whole line, as a positive amount.")
    tax_rate: Rate | None = Field(None, description="Share of tax, such as 0.1 for ten percent.")
    unit_cost: Money | None = Field(None, description="What one costs the shop, without tax.")


class Tender(Part):
    """One means of payment of an order."""

    method: Label = Field(description="Such as cash, card, points, voucher.")
    amount: Money = Field(description="Amount paid this way.")


def goods(lines: Sequence[Line]) -> Decimal | None:
    """Sum of quantity * unit_price - discount; None when there is no line or a price is missing."""
    amount = Decimal(0)
    for line in lines:
        if line.unit_price is None:
            return None
        part = line.quantity * line.unit_price - (line.discount or 0)
        if abs(part) >= MOST:  # below it 28 digits hold every product and sum exactly
            raise ValueError(TOO_LARGE)
        amount += part
    return amount if lines else None


class OrderDetails(Part):
    """What completion and update of an order may say besides the order's total."""

    subtotal: Money | None = Field(
        None, description="Sum of the lines after their discounts, before order discount, shipping and tax."
    )
    shipping: MoneyFromZero | None = Field(None, description="Shipping charge.")
    tax: Money | None = Field(None, description="Tax on the whole order.")
    tax_included: bool | None = Field(
        None, description="Whether prices and subtotal contain the tax already."
    )
    discount: MoneyFromZero | None = Field(
        None,
        description="Discount on the whole order, besides those of its lines, as a positive amount.",
    )
    points_used: QuantityFromZero | None = Field(None, description="Loyalty points spent, in points.")
    tenders: list[Tender] | None = Field(None, description="How it was paid.")
    coupon: Label | None = Field(None, description="Code of the coupon used.")
    receipt_number: Label | None = Field(None, description="Number printed on the receipt.")
    business_date: Day | None = Field(
        None, description="The till's business day, which may end after midnight."
    )
    staff_id: Id | None = Field(None, description="Who served.")
    void: bool | None = Field(None, description="The receipt was voided at the till: it counts in no total.")


@event("order.completed", entity="order")
class OrderCompleted(OrderDetails, Payload):
    """An order was placed, or a sale was rung up."""

    order_id: Id = Field(description="The shop's id of the order, or the till's of the receipt.")
    currency: Currency = Field(description="ISO 4217 code of every amount in the event.")
    lines: tuple[Line, ...] = Field((), description="What was bought.")
    total: MoneyFromZero | None = Field(
        None,
        validate_default=True,
        description="What the customer owes. When absent: subtotal, or the sum of quantity * unit_price - "
        "discount over the lines, less the order's discount, plus shipping, plus tax unless it is included.",
    )

    @field_validator("total")
    @classmethod
    def _computed(cls, total: Decimal | None, info: ValidationInfo) -> Decimal | None:
        return _order_total(info.data) if total is None else total


def _order_total(order: Mapping[str, Any]) -> Decimal:
    subtotal = order.get("subtotal")
    amount: Decimal | None = goods(order.get("lines", ())) if subtotal is None else subtotal
    if amount is None:
        raise ValueError("send total, or subtotal, or lines that all have a unit_price")
    amount += (order.get("shipping") or 0) - (order.get("discount") or 0)
    if not order.get("tax_included"):
        amount += order.get("tax") or 0
    if amount < 0:
        raise ValueError("the lines add up to less than 0: send what was given back as order.refunded")
    return rounded(amount)


@event("order.updated", entity="order")
class OrderUpdated(OrderDetails, Payload):
    """An order changed after completion. What is absent stays as it was."""

    order_id: Id = Field(description="The order that changed.")
    currency: Currency | None = Field(None, description="ISO 4217 code; the order's own unless given.")
    lines: list[Line] | None = Field(None, description="All lines after the change.")
    total: MoneyFromZero | None = Field(None, description="What the customer owes after the change.")

    @model_validator(mode="after")
    def _whole(self) -> OrderUpdated:
        if self.lines is not None and self.total is None:
            raise ValueError("new lines need the new total: send total")
        return self


@event("order.cancelled", entity="order")
class OrderCancelled(Payload):
    """An order was cancelled as a whole: its revenue is taken back."""

    order_id: Id = Field(description="The order that was cancelled.")
    reason: Label | None = Field(None, description="Why.")


@event("order.refunded", entity="order")
class OrderRefunded(Payload):
    """Money was given back. Without an order it counts against the person, and in no order."""

    order_id: Id | None = Field(None, description="The order, where it is known.")
    refund_id: Id | None = Field(None, description="The shop's id of the refund or return receipt.")
    currency: Currency = Field(description="ISO 4217 code of every amount in the event.")
    lines: tuple[Line, ...] = Field((), description="What was given back, with positive quantities.")
    amount: Money | None = Field(
        None,
        validate_default=True,
        description="Amount given back; a negative one takes back what an earlier refund gave too much. "
        "When absent: the sum of quantity * unit_price - discount over the lines.",
    )
    reason: Label | None = Field(None, description="Why.")
    receipt_number: Label | None = Field(None, description="Number printed on the return receipt.")
    business_date: Day | None = Field(None, description="The till's business day.")
    staff_id: Id | None = Field(None, description="Who served.")

    @field_validator("amount")
    @classmethod
    def _computed(cls, amount: Decimal | None, info: ValidationInfo) -> Decimal:
        if amount is None:
            lines = info.data.get("lines", ())
            amount = goods(lines) if lines else None
            if amount is None:
                raise ValueError("send amount, or lines that all have a unit_price")
            amount = rounded(amount)
        elif amount == 0:
            raise ValueError("is 0: nothing was given back")
        return amount


class Payment(Payload):
    """An attempt to pay, and how it ended."""

    payment_id: Id = Field(description="The payment provider's id.")
    order_id: Id | None = Field(None, description="The order that is paid.")
    contract_id: Id | None = Field(None, description="The contract that is paid.")
    amount: MoneyAboveZero = Field(description="Amount, more than 0.")
    currency: Currency = Field(description="ISO 4217 code of the amount.")
    method: Label | None = Field(None, description="Such as card, bank_transfer, konbini.")
    reason: Label | None = Field(None, description="Why it failed or was given back.")


@event("payment.succeeded")
class PaymentSucceeded(Payment):
    """Money arrived."""


@event("payment.failed")
class PaymentFailed(Payment):
    """An attempt to pay failed."""


@event("payment.refunded")
class PaymentRefunded(Payment):
    """The provider gave money back. Revenue follows `order.refunded`, not this."""


class Coupon(Payload):
    """A coupon and what became of it."""

    coupon_id: Id | None = Field(None, description="Id of the coupon or of its definition.")
    code: Label | None = Field(None, description="The code that is typed or scanned.")
    campaign_id: Id | None = Field(None, description="The campaign it belongs to.")
    order_id: Id | None = Field(None, description="The order it is used in.")
    discount: MoneyFromZero | None = Field(None, description="Amount it takes off.")
    currency: Currency | None = Field(None, description="ISO 4217 code of the discount.")
    reason: Label | None = Field(None, description="Why it was denied or given.")

    @model_validator(mode="after")
    def _named(self) -> Coupon:
        if self.coupon_id is None and self.code is None:
            raise ValueError("send coupon_id or code")
        return self


@event("coupon.issued")
class CouponIssued(Coupon):
    """A coupon was given to the customer."""


@event("coupon.applied")
class CouponApplied(Coupon):
    """A coupon was entered in a cart."""


@event("coupon.denied")
class CouponDenied(Coupon):
    """A coupon was refused."""


@event("coupon.redeemed")
class CouponRedeemed(Coupon):
    """A coupon was used in a completed order."""


@event("coupon.expired")
class CouponExpired(Coupon):
    """A coupon ended unused."""


class Cart(Payload):
    """What lies in a cart."""

    cart_id: Id | None = Field(None, description="The shop's id of the cart.")
    value: MoneyFromZero | None = Field(None, description="Value of the cart.")
    currency: Currency | None = Field(None, description="ISO 4217 code of value and lines.")
    lines: list[Line] | None = Field(None, description="Everything in the cart.")


@event("cart.updated")
class CartUpdated(Cart):
    """Something was put into a cart, changed or taken out; the event tells what is in it now."""


@event("cart.viewed")
class CartViewed(Cart):
    """A cart was looked at."""


class CartProduct(Line, Payload):
    """One product and a cart."""

    cart_id: Id | None = Field(None, description="The shop's id of the cart.")
    product_id: Id = Field(description="The shop's id of the product.")
    currency: Currency | None = Field(None, description="ISO 4217 code of every amount in the event.")


@event("cart.product_added")
class CartProductAdded(CartProduct):
    """A product was put into a cart. What is in the cart is told by `cart.updated`, not by this."""


@event("cart.product_removed")
class CartProductRemoved(CartProduct):
    """A product was taken out of a cart."""


@event("checkout.started")
class CheckoutStarted(Cart):
    """The customer began to check out."""

    coupon: Label | None = Field(None, description="Code of the coupon entered.")


class CheckoutStep(Payload):
    """One step of a checkout."""

    checkout_id: Id | None = Field(None, description="The shop's id of the checkout.")
    cart_id: Id | None = Field(None, description="The shop's id of the cart.")
    step: Count = Field(description="Number of the step, from 1.")
    shipping_method: Label | None = Field(None, description="How it is to be sent.")
    payment_method: Label | None = Field(None, description="How it is to be paid, such as card, konbini.")


@event("checkout.step_viewed")
class CheckoutStepViewed(CheckoutStep):
    """A step of the checkout was shown."""


@event("checkout.step_completed")
class CheckoutStepCompleted(CheckoutStep):
    """A step of the checkout was done."""
