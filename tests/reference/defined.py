"""Random definitions: traits of every aggregate, some that are none, and another workspace."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid5

from hypothesis import strategies as st

from tests.folding import NAMES, definition

TRAITS: list[dict[str, Any]] = [
    {"count": "event"},
    {"count": "order.completed", "where": {"source": "till"}},
    {"count": "order", "where": {"net_total": {"gt": 10, "lte": "1000"}}},
    {"count": "order", "where": {"coupon": {"exists": False}}},
    {"sum": "order.total"},
    {"sum": "custom.quiz.score"},
    {"sum": "order.completed.total", "where": {"coupon": {"ne": "SPRING"}}},
    {"sum": "order.refunded.amount"},
    {"avg": "order.net_total"},
    {"avg": "custom.quiz.score", "where": {"topic": {"in": ["hair", "é"]}}},
    {"avg": "order.completed.total"},
    {"min": "custom.quiz.score"},
    {"min": "deal.close_date"},
    {"max": "order.completed.total", "where": {"store": "ginza"}},
    {"max": "page.viewed.occurred_at"},
    {"first": "order.status"},
    {"first": "product.viewed.category"},
    {"last": "custom.quiz.topic", "where": {"score": {"gte": 3}}},
    {"last": "event.source"},
    {"last": "ticket.score"},
    {"last": "product.viewed.price"},
    {"first": "visit.total"},
    {"last": "contract.amount"},
    {"last": "deal.stage", "where": {"status": {"in": ["open", "won"]}}},
    {"distinct": "page.viewed.path"},
    {"distinct": "order.store"},
    {"top": "page.viewed.path", "where": {"referrer": {"exists": True}}},
    {"top": "deal.stage"},
    {"list": "custom.quiz.topic"},
    {"list": "product.viewed.price"},
    {"distinct": "order.total"},
    {"top": "deal.amount"},
    {"list": "ticket.category", "where": {"replies": {"lt": 2}}},
]
BROKEN: list[dict[str, Any]] = [{}, {"count": "order", "sum": "order.total"}]


@st.composite
def definition_records(draw: st.DrawFn) -> bytes:
    minute, layer = draw(st.integers(1, 4)), draw(st.sampled_from(["user", "user", "shipped"]))
    kind, name, body = draw(
        st.one_of(
            st.builds(
                lambda name, body, of: ("trait", name, {**body, "name": name, "of": of}),
                st.sampled_from(["mine", "mine", "orders_count"]),
                st.sampled_from(TRAITS),
                st.sampled_from(["person", "company"]),
            ),
            st.builds(
                lambda name, body: ("trait", name, body),
                st.sampled_from(["mine", "orders_count"]),
                st.sampled_from([None, *BROKEN]),
            ),
            st.just(("workspace", "workspace", {"time_zone": "America/New_York", "currency": "USD"})),
        )
    )
    record = json.loads(definition(kind, name, body, minute).value)
    unique = json.dumps([record, layer], sort_keys=True)
    return json.dumps(record | {"definition_id": str(uuid5(NAMES, unique)), "layer": layer}).encode()
