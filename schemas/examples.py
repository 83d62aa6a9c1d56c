"""A realistic submission for every event type: for documentation, the API and the tests."""

from __future__ import annotations

from collections.abc import Mapping

from .catalogue import CUSTOM_PREFIX, model_of

_CUSTOMER = {"user_id": "C-1042"}
_VISITOR = {"anonymous_id": "5f1d7a3e-2c4b-4a9e-8d6f-0b1c2d3e4f50"}
_MEMBER = {"card": "9900112233", "email": "hanako.sato@example.com"}
_READER = {"email": "hanako.sato@example.com"}
_NOBODY: dict[str, object] = {}

_EMAIL = {
    "email_id": "m-88131",
    "campaign_id": "spring-26",
    "campaign": "Spring 2026",
    "subject": "New in March",
}
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
_PRODUCT = {
    "product_id": "P-20",
    "sku": "P-20-M",
    "name": "Linen shirt",
    "category": "shirts",
    "currency": "JPY",
}
_TICKET = {"ticket_id": "T-310"}
_VISIT = {"visit_id": "V-77", "staff_id": "S-3"}
_MENU = [{"name": "Cut", "price": "5500", "staff_id": "S-3"}, {"name": "Colour", "price": "8800"}]
_DEAL = {"deal_id": "D-12", "company_id": "K-9"}
_CONTRACT = {"contract_id": "CT-5", "company_id": "K-9"}
_TASK = {"task_id": "TK-40"}

_Example = tuple[Mapping[str, object], Mapping[str, object]]

_CUSTOM: _Example = (_VISITOR, {"score": 8, "topic": "skin care"})

_EXAMPLES: Mapping[str, _Example] = {
    "order.completed": (
        _MEMBER,
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
    "order.updated": (_CUSTOMER, {"order_id": "A-1001", "total": "9800", "currency": "JPY"}),
    "order.cancelled": (_CUSTOMER, {"order_id": "A-1002", "reason": "ordered twice"}),
    "order.refunded": (
        _CUSTOMER,
        {
            "order_id": "A-1001",
            "refund_id": "R-9",
            "amount": "4900",
            "currency": "JPY",
            "reason": "too small",
            "lines": [{"product_id": "P-20", "quantity": 1, "unit_price": "4900"}],
        },
    ),
    "payment.succeeded": (_CUSTOMER, _PAYMENT),
    "payment.failed": (_CUSTOMER, {**_PAYMENT, "reason": "card expired"}),
    "payment.refunded": (_CUSTOMER, {**_PAYMENT, "amount": "4900", "reason": "return R-9"}),
    "coupon.issued": (_CUSTOMER, {**_COUPON, "discount": "500", "currency": "JPY"}),
    "coupon.applied": (_VISITOR, _COUPON),
    "coupon.denied": (_VISITOR, {**_COUPON, "reason": "already used"}),
    "coupon.redeemed": (_CUSTOMER, {**_COUPON, "order_id": "A-1001", "discount": "500", "currency": "JPY"}),
    "coupon.expired": (_CUSTOMER, _COUPON),
    "cart.updated": (_VISITOR, _CART),
    "checkout.started": (_VISITOR, {**_CART, "coupon": "WELCOME-7G2K"}),
    "page.viewed": (
        _VISITOR,
        {
            "url": "https://shop.example.com/shirts?colour=white",
            "path": "/shirts",
            "search": "?colour=white",
            "title": "Shirts",
            "category": "shirts",
            "referrer": "https://www.example.com/",
        },
    ),
    "screen.viewed": ({"device_id": "ios-7C1E"}, {"name": "Home"}),
    "product.viewed": (_VISITOR, {**_PRODUCT, "price": "4900"}),
    "product.listed": (_VISITOR, {"list_id": "new", "category": "shirts", "product_ids": ["P-20", "P-21"]}),
    "product.searched": (_VISITOR, {"query": "linen shirt", "results": 12}),
    "form.submitted": (_VISITOR, {"form_id": "contact", "name": "Contact", "fields": {"topic": "delivery"}}),
    "email.sent": (_READER, _EMAIL),
    "email.delivered": (_READER, _EMAIL),
    "email.opened": (_READER, _EMAIL),
    "email.clicked": (_READER, {**_EMAIL, "url": "https://shop.example.com/new"}),
    "email.bounced": (_READER, {**_EMAIL, "bounce_type": "hard", "reason": "550 5.1.1 no such user"}),
    "email.complained": (_READER, _EMAIL),
    "email.unsubscribed": (_READER, {**_EMAIL, "reason": "too many"}),
    "ticket.opened": (
        _CUSTOMER,
        {
            **_TICKET,
            "channel": "email",
            "category": "delivery",
            "priority": "normal",
            "subject": "Where is my parcel?",
            "text": "I ordered a week ago.",
            "order_id": "A-1001",
        },
    ),
    "ticket.replied": (
        _CUSTOMER,
        {**_TICKET, "author": "staff", "text": "It is on its way.", "staff_id": "S-8"},
    ),
    "ticket.assigned": (_CUSTOMER, {**_TICKET, "assignee": "S-8"}),
    "ticket.status_changed": (_CUSTOMER, {**_TICKET, "status": "open"}),
    "ticket.priority_changed": (_CUSTOMER, {**_TICKET, "priority": "high"}),
    "ticket.solved": (_CUSTOMER, {**_TICKET, "staff_id": "S-8"}),
    "ticket.reopened": (_CUSTOMER, {**_TICKET, "reason": "still not here"}),
    "ticket.rated": (_CUSTOMER, {**_TICKET, "score": 4, "scale": 5, "comment": "Quick answer."}),
    "visit.booked": (
        {"phone": "+12025550143"},
        {
            **_VISIT,
            "starts_at": "2026-03-20T14:00:00+09:00",
            "duration_minutes": 90,
            "menu": _MENU,
            "currency": "JPY",
        },
    ),
    "visit.rescheduled": (_NOBODY, {**_VISIT, "starts_at": "2026-03-21T11:00:00+09:00"}),
    "visit.completed": (
        {"phone": "+12025550143"},
        {
            **_VISIT,
            "menu": _MENU,
            "duration_minutes": 95,
            "total": "14300",
            "currency": "JPY",
            "next_booking": "2026-05-09T14:00:00+09:00",
        },
    ),
    "visit.cancelled": (_NOBODY, {**_VISIT, "reason": "ill"}),
    "visit.no_show": (_NOBODY, _VISIT),
    "treatment.noted": (
        _NOBODY,
        {"visit_id": "V-77", "text": "Colour 7/1, 30 minutes; dry ends.", "staff_id": "S-3"},
    ),
    "deal.created": (
        {"email": "ken.mori@example.com"},
        {
            **_DEAL,
            "name": "40 seats",
            "pipeline": "new business",
            "stage": "qualified",
            "amount": "1200000",
            "currency": "JPY",
            "owner": "S-11",
            "close_date": "2026-06-30",
            "probability": "0.3",
            "product": "Team plan",
        },
    ),
    "deal.stage_changed": (_NOBODY, {**_DEAL, "stage": "proposal", "probability": "0.5"}),
    "deal.amount_changed": (_NOBODY, {**_DEAL, "amount": "1500000", "currency": "JPY"}),
    "deal.owner_changed": (_NOBODY, {**_DEAL, "owner": "S-12"}),
    "deal.close_date_changed": (_NOBODY, {**_DEAL, "close_date": "2026-07-31"}),
    "deal.contact_added": ({"email": "ken.mori@example.com"}, {**_DEAL, "role": "decision_maker"}),
    "deal.won": (_NOBODY, {**_DEAL, "amount": "1450000", "currency": "JPY", "reason": "price"}),
    "deal.lost": (_NOBODY, {**_DEAL, "reason": "no budget"}),
    "contract.signed": (
        _NOBODY,
        {
            **_CONTRACT,
            "name": "Team plan, 40 seats",
            "plan": "team",
            "amount": "120000",
            "currency": "JPY",
            "interval": "month",
            "starts_on": "2026-04-01",
            "ends_on": "2027-03-31",
            "auto_renew": True,
            "deal_id": "D-12",
        },
    ),
    "contract.renewed": (_NOBODY, {**_CONTRACT, "ends_on": "2028-03-31", "amount": "125000"}),
    "contract.plan_changed": (_NOBODY, {**_CONTRACT, "plan": "business", "amount": "180000"}),
    "contract.notice_given": (_NOBODY, {**_CONTRACT, "ends_on": "2028-03-31"}),
    "contract.ended": (_NOBODY, {**_CONTRACT, "ended_on": "2028-03-31", "reason": "insourced"}),
    "activity.logged": (
        {"email": "ken.mori@example.com"},
        {
            "activity_id": "AC-7",
            "kind": "call",
            "subject": "Offer",
            "text": "Wants 40 seats.",
            "outcome": "send proposal",
            **_DEAL,
        },
    ),
    "task.created": (
        _NOBODY,
        {
            **_TASK,
            "title": "Send the proposal",
            "due_at": "2026-03-16T18:00:00+09:00",
            "assignee": "S-11",
            **_DEAL,
        },
    ),
    "task.updated": (_NOBODY, {**_TASK, "due_at": "2026-03-17T18:00:00+09:00"}),
    "task.completed": (_NOBODY, _TASK),
    "task.cancelled": (_NOBODY, {**_TASK, "reason": "deal lost"}),
    "note.added": (
        _CUSTOMER,
        {"note_id": "N-3", "text": "Prefers to be called after six.", "tags": ["contact"]},
    ),
    "customer.identified": (
        {"user_id": "C-1042", "email": "hanako.sato@example.com", **_VISITOR},
        {
            "family_name": "佐藤",
            "given_name": "花子",
            "family_name_kana": "サトウ",
            "given_name_kana": "ハナコ",
            "email": "hanako.sato@example.com",
            "phone": "+12025550143",
            "birthday": "1990-07-02",
            "address": {"postal_code": "150-0001", "country": "JP", "region": "東京都", "city": "渋谷区"},
            "language": "ja",
            "preferred_channel": "email",
            "created_at": "2024-11-03T12:00:00+09:00",
            "shoe_size": "24.5",
        },
    ),
    "customer.aliased": ({"user_id": "C-1042", **_VISITOR}, {"reason": "login"}),
    "company.updated": (
        _NOBODY,
        {
            "company_id": "K-9",
            "name": "Mori Works",
            "industry": "manufacturing",
            "employees": 240,
            "region": "大阪府",
            "website": "https://mori.example.com",
            "revenue": "3200000000",
            "currency": "JPY",
        },
    ),
    "consent.given": (_CUSTOMER, {"purpose": "newsletter", "channel": "email", "text_version": "2026-01"}),
    "consent.withdrawn": (_CUSTOMER, {"purpose": "newsletter", "channel": "email"}),
    "campaign.member_added": (
        _CUSTOMER,
        {"campaign_id": "spring-26", "name": "Spring 2026", "status": "sent"},
    ),
    "entity.attributed": (_CUSTOMER, {"reason": "receipt shown at the desk"}),
    "product.updated": (_NOBODY, {**_PRODUCT, "price": "4900", "unit_cost": "2100", "active": True}),
    "store.updated": (
        _NOBODY,
        {"store_id": "ginza", "name": "Ginza", "city": "中央区", "time_zone": "Asia/Tokyo"},
    ),
    "staff.updated": (
        _NOBODY,
        {"staff_id": "S-3", "name": "Mei Tanaka", "role": "stylist", "store_id": "ginza"},
    ),
}

_BESIDES: Mapping[str, Mapping[str, object]] = {
    "order.completed": {"channel": "store", "place": {"store": "ginza", "register": "2"}},
    "page.viewed": {"sent_at": "2026-03-14T10:15:03+09:00", "context": {"locale": "ja-JP"}},
    "note.added": {"actor": {"kind": "staff", "id": "S-8"}},
    "entity.attributed": {"entities": [{"kind": "order", "id": "A-1003"}]},
}


def example(type_: str) -> dict[str, object]:
    """A submission of the type that is accepted as it stands. Raises KeyError for a type that is none."""
    custom = type_.startswith(CUSTOM_PREFIX) and model_of(type_) is not None
    ids, properties = _CUSTOM if custom else _EXAMPLES[type_]
    return {
        "type": type_,
        "message_id": f"example-{type_}",
        "occurred_at": "2026-03-14T10:15:00+09:00",
        "ids": dict(ids),
        "properties": dict(properties),
        **_BESIDES.get(type_, {}),
    }
