"""Examples of service: conversations, support, visits."""

from __future__ import annotations

from collections.abc import Mapping

from .example_persons import CUSTOMER, NOBODY, PHONE, VISITOR, Example

_TICKET = {"ticket_id": "T-310"}
_VISIT = {"visit_id": "V-77", "staff_id": "S-3"}
_MENU = [{"name": "Cut", "price": "5500", "staff_id": "S-3"}, {"name": "Colour", "price": "8800"}]
_CALL = {"call_id": "CL-8", "direction": "inbound", "staff_id": "S-8"}
_CHAT = {"conversation_id": "CH-12"}
_SOCIAL = {
    "network": "instagram",
    "post_id": "C4x1",
    "url": "https://www.instagram.com/p/C4x1",
}
_COMPLAINT = {"complaint_id": "CP-4"}
_SURVEY = {"survey_id": "nps-26", "name": "Spring survey", "kind": "nps", "order_id": "A-1001"}
_REFERRAL = {
    "referral_id": "RF-6",
    "code": "HANAKO-5",
    "friend": {"kind": "email", "value": "yui.kato@example.com"},
}

EXAMPLES: Mapping[str, Example] = {
    "ticket.opened": (
        CUSTOMER,
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
        CUSTOMER,
        {**_TICKET, "author": "staff", "text": "It is on its way.", "staff_id": "S-8"},
    ),
    "ticket.assigned": (CUSTOMER, {**_TICKET, "assignee": "S-8"}),
    "ticket.status_changed": (CUSTOMER, {**_TICKET, "status": "open"}),
    "ticket.priority_changed": (CUSTOMER, {**_TICKET, "priority": "high"}),
    "ticket.solved": (CUSTOMER, {**_TICKET, "staff_id": "S-8"}),
    "ticket.reopened": (CUSTOMER, {**_TICKET, "reason": "still not here"}),
    "ticket.rated": (CUSTOMER, {**_TICKET, "score": 4, "scale": 5, "comment": "Quick answer."}),
    "visit.booked": (
        PHONE,
        {
            **_VISIT,
            "starts_at": "2026-03-20T14:00:00+09:00",
            "duration_minutes": 90,
            "menu": _MENU,
            "currency": "JPY",
        },
    ),
    "visit.rescheduled": (NOBODY, {**_VISIT, "starts_at": "2026-03-21T11:00:00+09:00"}),
    "visit.completed": (
        PHONE,
        {
            **_VISIT,
            "menu": _MENU,
            "duration_minutes": 95,
            "total": "14300",
            "currency": "JPY",
            "next_booking": "2026-05-09T14:00:00+09:00",
        },
    ),
    "visit.cancelled": (NOBODY, {**_VISIT, "reason": "ill"}),
    "visit.no_show": (NOBODY, _VISIT),
    "treatment.noted": (
        NOBODY,
        {"visit_id": "V-77", "text": "Colour 7/1, 30 minutes; dry ends.", "staff_id": "S-3"},
    ),
    "call.completed": (
        PHONE,
        {
            **_CALL,
            "duration_minutes": "4.2",
            "outcome": "will come on Friday",
            "text": "Asked for Saturday hours.",
            "recording_url": "https://calls.example.com/CL-8",
        },
    ),
    "call.missed": (PHONE, {**_CALL, "voicemail": True}),
    "chat.started": (VISITOR, {**_CHAT, "category": "delivery"}),
    "chat.replied": (
        VISITOR,
        {**_CHAT, "message_id": "3", "author": "customer", "text": "Do you ship to Okinawa?"},
    ),
    "chat.ended": (
        VISITOR,
        {**_CHAT, "staff_id": "S-8", "duration_minutes": 6, "messages": 9, "outcome": "answered"},
    ),
    "social.mentioned": (
        {"x_instagram": "hana_s"},
        {**_SOCIAL, "text": "Love my new linen shirt", "sentiment": "positive"},
    ),
    "social.reacted": ({"x_instagram": "hana_s"}, {**_SOCIAL, "reaction": "like"}),
    "ticket.escalated": (
        CUSTOMER,
        {**_TICKET, "level": "2", "assignee": "S-9", "reason": "parcel lost"},
    ),
    "ticket.merged": (CUSTOMER, {**_TICKET, "into_ticket_id": "T-311"}),
    "complaint.received": (
        CUSTOMER,
        {
            **_COMPLAINT,
            "channel": "store",
            "category": "quality",
            "severity": "high",
            "text": "The seam came apart.",
            "order_id": "A-1001",
            "staff_id": "S-3",
        },
    ),
    "complaint.resolved": (
        CUSTOMER,
        {**_COMPLAINT, "outcome": "goodwill", "compensation": "1000", "currency": "JPY"},
    ),
    "survey.sent": (CUSTOMER, {**_SURVEY, "channel": "email"}),
    "survey.answered": (
        CUSTOMER,
        {
            **_SURVEY,
            "response_id": "RS-77",
            "question": "Would you recommend us?",
            "score": 9,
            "scale": 10,
            "text": "Quick and kind.",
        },
    ),
    "referral.made": (CUSTOMER, {**_REFERRAL, "share_via": "line"}),
    "referral.converted": (CUSTOMER, {**_REFERRAL, "order_id": "A-1044", "reward": "500 points"}),
}
