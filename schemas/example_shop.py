"""Examples of the shop: orders, payments, invoices, fulfilment, coupons, carts, loyalty."""

from __future__ import annotations

from collections.abc import Mapping

from .example_persons import CUSTOMER, MEMBER, NOBODY, VISITOR, Example

_PAYMENT = {
    "payment_id": "pay-5501",
    "order_id": "A-1001",
    "amount": "10780",
    "currency": "JPY",
    "method": "card",
}
_COUPON = {"coupon_id": "welcome", "code": "WELCOME-7G2K", "campaign_id": "spring-26"}
_CART = {
    "cart_id": "cart-771",
    "value": "9800",
    "currency": "JPY",
    "lines": [{"product_id": "P-20", "name": "Linen shirt", "quantity": 2, "unit_price": "4900"}],
}
_INVOICE = {"invoice_id": "INV-8", "number": "2026-0008", "contract_id": "CT-5", "company_id": "K-9"}
_PARCEL = {
    "order_id": "A-1001",
    "fulfilment_id": "F-61",
    "lines": [{"product_id": "P-20", "quantity": 2}],
    "carrier": "Yamato",
    "tracking_number": "4012-8890-1123",
}
_PROGRAM = {"program_id": "club"}
_STAMPS = {"program_id": "coffee-card"}
_ADDED = {
    "cart_id": "cart-771",
    "product_id": "P-20",
    "name": "Linen shirt",
    "quantity": 2,
    "unit_price": "4900",
    "currency": "JPY",
}

EXAMPLES: Mapping[str, Example] = {
    "order.completed": (
        MEMBER,
        {
            "order_id": "A-1001",
            "currency": "JPY",
            "lines": [
                {
                    "product_id": "P-20",
                    "sku": "P-20-M",
                    "name": "Linen shirt",
                    "category": "shirts",
                    "quantity": 2,
                    "unit_price": "4900",
                    "tax_rate": "0.1",
                    "unit_cost": "2100",
                },
                {
                    "product_id": "P-31",
                    "name": "Socks",
                    "category": "socks",
                    "unit_price": 700,
                    "discount": 200,
                },
            ],
            "shipping": "480",
            "tax": "1030",
            "tax_included": True,
            "total": "10780",
            "points_used": 100,
            "tenders": [{"method": "points", "amount": "100"}, {"method": "card", "amount": "10680"}],
            "coupon": "WELCOME-7G2K",
            "receipt_number": "0042-1001",
            "business_date": "2026-03-14",
            "staff_id": "S-3",
        },
    ),
    "order.updated": (CUSTOMER, {"order_id": "A-1001", "total": "9800", "currency": "JPY"}),
    "order.cancelled": (CUSTOMER, {"order_id": "A-1002", "reason": "ordered twice"}),
    "order.refunded": (
        CUSTOMER,
        {
            "order_id": "A-1001",
            "refund_id": "R-9",
            "amount": "4900",
            "currency": "JPY",
            "reason": "too small",
            "lines": [{"product_id": "P-20", "quantity": 1, "unit_price": "4900"}],
        },
    ),
    "payment.succeeded": (CUSTOMER, _PAYMENT),
    "payment.failed": (CUSTOMER, {**_PAYMENT, "reason": "card expired"}),
    "payment.refunded": (CUSTOMER, {**_PAYMENT, "amount": "4900", "reason": "return R-9"}),
    "coupon.issued": (CUSTOMER, {**_COUPON, "discount": "500", "currency": "JPY"}),
    "coupon.applied": (VISITOR, _COUPON),
    "coupon.denied": (VISITOR, {**_COUPON, "reason": "already used"}),
    "coupon.redeemed": (CUSTOMER, {**_COUPON, "order_id": "A-1001", "discount": "500", "currency": "JPY"}),
    "coupon.expired": (CUSTOMER, _COUPON),
    "cart.updated": (VISITOR, _CART),
    "checkout.started": (VISITOR, {**_CART, "coupon": "WELCOME-7G2K"}),
    "cart.viewed": (VISITOR, _CART),
    "cart.product_added": (VISITOR, _ADDED),
    "cart.product_removed": (VISITOR, _ADDED),
    "checkout.step_viewed": (VISITOR, {"checkout_id": "CO-4", "step": 2, "shipping_method": "parcel"}),
    "checkout.step_completed": (
        VISITOR,
        {"checkout_id": "CO-4", "cart_id": "cart-771", "step": 2, "payment_method": "card"},
    ),
    "invoice.issued": (
        NOBODY,
        {
            **_INVOICE,
            "amount": "132000",
            "tax": "12000",
            "currency": "JPY",
            "due_date": "2026-04-30",
        },
    ),
    "invoice.paid": (
        NOBODY,
        {**_INVOICE, "amount": "100000", "balance": "32000", "currency": "JPY", "payment_id": "pay-5502"},
    ),
    "invoice.overdue": (
        NOBODY,
        {**_INVOICE, "balance": "32000", "currency": "JPY", "due_date": "2026-04-30"},
    ),
    "fulfilment.shipped": (
        CUSTOMER,
        {
            **_PARCEL,
            "tracking_url": "https://carrier.example.com/t/4012-8890-1123",
            "expected_on": "2026-03-16",
        },
    ),
    "fulfilment.delivered": (CUSTOMER, {**_PARCEL, "received_by": "neighbour"}),
    "fulfilment.returned": (CUSTOMER, {**_PARCEL, "return_id": "RT-2", "reason": "too small"}),
    "loyalty.enrolled": (MEMBER, {**_PROGRAM, "tier": "silver", "staff_id": "S-3"}),
    "loyalty.points_earned": (
        MEMBER,
        {**_PROGRAM, "points": 107, "balance": 1107, "order_id": "A-1001", "expires_on": "2027-03-31"},
    ),
    "loyalty.points_redeemed": (
        MEMBER,
        {**_PROGRAM, "points": 500, "balance": 607, "order_id": "A-1001", "reward": "discount"},
    ),
    "loyalty.points_expired": (MEMBER, {**_PROGRAM, "points": 107, "balance": 500}),
    "loyalty.points_adjusted": (
        MEMBER,
        {**_PROGRAM, "points": -50, "balance": 450, "reason": "booked twice"},
    ),
    "loyalty.stamps_earned": (MEMBER, {**_STAMPS, "stamps": 1, "balance": 9, "order_id": "A-1001"}),
    "loyalty.stamps_redeemed": (MEMBER, {**_STAMPS, "stamps": 10, "balance": 0, "reward": "coffee"}),
    "loyalty.stamps_expired": (MEMBER, {**_STAMPS, "stamps": 9, "balance": 0}),
    "loyalty.stamps_adjusted": (MEMBER, {**_STAMPS, "stamps": 1, "reason": "forgotten at the till"}),
    "loyalty.tier_changed": (
        MEMBER,
        {**_PROGRAM, "tier": "gold", "previous_tier": "silver", "valid_until": "2027-03-31"},
    ),
    "loyalty.card_replaced": (
        MEMBER,
        {**_PROGRAM, "old_card": "9900112233", "new_card": "9900445566", "reason": "lost"},
    ),
    "loyalty.withdrawn": (MEMBER, {**_PROGRAM, "reason": "moved away"}),
}
