"""Examples of persons, companies, relations, remarks, master data and corrections."""

from __future__ import annotations

from collections.abc import Mapping

from .example_persons import CUSTOMER, NOBODY, VISITOR, Example

_PRODUCT = {
    "product_id": "P-20",
    "sku": "P-20-M",
    "name": "Linen shirt",
    "category": "shirts",
    "currency": "JPY",
}
_OTHER = {"kind": "card", "value": "9900445566"}

EXAMPLES: Mapping[str, Example] = {
    "note.added": (
        CUSTOMER,
        {"note_id": "N-3", "text": "Prefers to be called after six.", "tags": ["contact"]},
    ),
    "customer.identified": (
        {"user_id": "C-1042", "email": "hanako.sato@example.com", **VISITOR},
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
    "customer.aliased": ({"user_id": "C-1042", **VISITOR}, {"reason": "login"}),
    "company.updated": (
        NOBODY,
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
    "consent.given": (CUSTOMER, {"purpose": "newsletter", "channel": "email", "text_version": "2026-01"}),
    "consent.withdrawn": (CUSTOMER, {"purpose": "newsletter", "channel": "email"}),
    "entity.attributed": (CUSTOMER, {"reason": "receipt shown at the desk"}),
    "store.updated": (
        NOBODY,
        {"store_id": "ginza", "name": "Ginza", "city": "中央区", "time_zone": "Asia/Tokyo"},
    ),
    "staff.updated": (
        NOBODY,
        {"staff_id": "S-3", "name": "Mei Tanaka", "role": "stylist", "store_id": "ginza"},
    ),
    "product.updated": (NOBODY, {**_PRODUCT, "price": "4900", "unit_cost": "2100", "active": True}),
    "customer.grouped": ({"user_id": "C-2001"}, {"company_id": "K-9", "role": "buyer"}),
    "customer.owner_changed": (
        CUSTOMER,
        {"owner": "S-4", "previous_owner": "S-3", "reason": "left the company"},
    ),
    "company.owner_changed": (NOBODY, {"company_id": "K-9", "owner": "S-12"}),
    "customer.merged": (CUSTOMER, {"other": _OTHER, "reason": "same name and birthday"}),
    "customer.unmerged": (CUSTOMER, {"other": _OTHER, "reason": "mother and daughter"}),
    "customer.link_forbidden": (CUSTOMER, {"other": _OTHER, "reason": "twins"}),
    "customer.split": (CUSTOMER, {"identifiers": [_OTHER], "reason": "shared card"}),
    "relation.linked": (CUSTOMER, {"kind": "guardian", "person": _OTHER, "role": "mother"}),
    "relation.unlinked": (
        {"user_id": "C-2001"},
        {"kind": "company_role", "company_id": "K-9", "reason": "left the company"},
    ),
    "tag.added": (CUSTOMER, {"tag": "vip"}),
    "tag.removed": (NOBODY, {"tag": "urgent", "order_id": "A-1001"}),
    "field.set": (CUSTOMER, {"field": "shoe_size", "value": "24.5"}),
    "field.unset": (NOBODY, {"field": "delivery_note", "order_id": "A-1001"}),
    "exchange_rate.updated": (
        NOBODY,
        {"date": "2026-03-13", "base_currency": "EUR", "quote_currency": "JPY", "rate": "162.48"},
    ),
    "event.retracted": (
        NOBODY,
        {"entity": {"kind": "order", "id": "A-1002"}, "reason": "rung up on the wrong till"},
    ),
    "event.corrected": (
        NOBODY,
        {
            "event_id": "3f0e8a52-7c1d-5b64-9d0a-2e6f4b8c1a97",
            "event": {
                "type": "note.added",
                "occurred_at": "2026-03-13T18:40:00+09:00",
                "ids": {"user_id": "C-1042"},
                "properties": {"note_id": "N-3", "text": "Prefers to be called after seven."},
            },
            "reason": "misheard",
        },
    ),
}
