"""Examples of the web site and of messages."""

from __future__ import annotations

from collections.abc import Mapping

from .example_persons import CUSTOMER, PHONE, READER, VISITOR, Example

_PRODUCT = {
    "product_id": "P-20",
    "sku": "P-20-M",
    "name": "Linen shirt",
    "category": "shirts",
    "currency": "JPY",
}
_EMAIL = {
    "email_id": "m-88131",
    "campaign_id": "spring-26",
    "campaign": "Spring 2026",
    "subject": "New in March",
}
_WISHES = {"wishlist_id": "WL-3", "wishlist_name": "Summer"}
_PROMOTION = {
    "promotion_id": "spring-banner",
    "name": "Spring 2026",
    "creative": "cherry blossom",
    "position": "home_banner_1",
}
_SESSION = {
    "session_id": "ses-9c2",
    "landing_page": "https://shop.example.com/shirts",
    "referrer": "https://www.example.com/",
}
_LINE_USER = {"line_id": "U4af4980629"}
_DEVICE = {"device_id": "ios-7C1E"}
_SMS = {"sms_id": "sms-204", "campaign_id": "spring-26", "text": "Your parcel arrives today."}
_LINE = {"line_message_id": "line-991", "campaign_id": "spring-26", "text": "New in March"}
_PUSH = {"push_id": "push-17", "campaign_id": "spring-26", "title": "New in March", "text": "Have a look."}
_POST = {"post_id": "PC-3001", "campaign_id": "spring-26", "item": "postcard"}

EXAMPLES: Mapping[str, Example] = {
    "page.viewed": (
        VISITOR,
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
    "form.submitted": (VISITOR, {"form_id": "contact", "name": "Contact", "fields": {"topic": "delivery"}}),
    "email.sent": (READER, _EMAIL),
    "email.delivered": (READER, _EMAIL),
    "email.opened": (READER, _EMAIL),
    "email.clicked": (READER, {**_EMAIL, "url": "https://shop.example.com/new"}),
    "email.bounced": (READER, {**_EMAIL, "bounce_type": "hard", "reason": "550 5.1.1 no such user"}),
    "email.complained": (READER, _EMAIL),
    "email.unsubscribed": (READER, {**_EMAIL, "reason": "too many"}),
    "product.viewed": (VISITOR, {**_PRODUCT, "price": "4900"}),
    "product.listed": (VISITOR, {"list_id": "new", "category": "shirts", "product_ids": ["P-20", "P-21"]}),
    "product.searched": (VISITOR, {"query": "linen shirt", "results": 12}),
    "product.wishlisted": (VISITOR, {**_PRODUCT, **_WISHES}),
    "product.unwishlisted": (VISITOR, {**_PRODUCT, **_WISHES}),
    "product.reviewed": (
        CUSTOMER,
        {**_PRODUCT, "review_id": "RV-5", "review_body": "Soft, but narrow.", "rating": 4, "scale": 5},
    ),
    "product.shared": (
        VISITOR,
        {
            **_PRODUCT,
            "share_via": "email",
            "share_message": "Would you like it?",
            "recipient": "yui.kato@example.com",
        },
    ),
    "promotion.viewed": (VISITOR, _PROMOTION),
    "promotion.clicked": (VISITOR, _PROMOTION),
    "site.searched": (VISITOR, {"query": "how to wash linen", "section": "help", "results": 3}),
    "session.started": (VISITOR, _SESSION),
    "session.ended": (
        VISITOR,
        {**_SESSION, "duration_minutes": "7.5", "pages": 6, "exit_page": "https://shop.example.com/cart"},
    ),
    "usage.recorded": (
        CUSTOMER,
        {
            "feature": "report_exported",
            "quantity": 3,
            "unit": "report",
            "contract_id": "CT-5",
            "company_id": "K-9",
        },
    ),
    "experiment.viewed": (
        VISITOR,
        {
            "experiment_id": "checkout-26",
            "experiment_name": "Short checkout",
            "variation_id": "b",
            "variation_name": "One page",
        },
    ),
    **{f"sms.{verb}": (PHONE, _SMS) for verb in ("sent", "delivered", "opened", "complained")},
    "sms.clicked": (PHONE, {**_SMS, "url": "https://shop.example.com/s/7G2K"}),
    "sms.bounced": (PHONE, {**_SMS, "bounce_type": "hard", "reason": "unknown subscriber"}),
    "sms.unsubscribed": (PHONE, {**_SMS, "reason": "STOP"}),
    **{f"line.{verb}": (_LINE_USER, _LINE) for verb in ("sent", "delivered", "opened", "complained")},
    "line.clicked": (_LINE_USER, {**_LINE, "url": "https://shop.example.com/new"}),
    "line.bounced": (_LINE_USER, {**_LINE, "bounce_type": "hard", "reason": "no such user"}),
    "line.unsubscribed": (_LINE_USER, {**_LINE, "reason": "blocked"}),
    **{f"push.{verb}": (_DEVICE, _PUSH) for verb in ("sent", "delivered", "opened", "complained")},
    "push.clicked": (_DEVICE, {**_PUSH, "url": "shop://new"}),
    "push.bounced": (_DEVICE, {**_PUSH, "bounce_type": "hard", "reason": "token no longer holds"}),
    "push.unsubscribed": (_DEVICE, {**_PUSH, "reason": "turned off"}),
    **{f"post.{verb}": (CUSTOMER, _POST) for verb in ("sent", "delivered", "opened", "complained")},
    "post.clicked": (CUSTOMER, {**_POST, "url": "https://shop.example.com/c/9QX"}),
    "post.bounced": (CUSTOMER, {**_POST, "bounce_type": "hard", "reason": "moved"}),
    "post.unsubscribed": (CUSTOMER, {**_POST, "reason": "wants no paper"}),
}
