"""State is a function of the set of events, whatever the batches, the order and the copies were."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kizuna.eventlog import topics
from kizuna.eventlog.port import NewRecord
from kizuna.projections import canon
from kizuna.schemas.admission import Accepted
from kizuna.schemas.payload import MODELS
from tests.examples import examples
from tests.folding import NOW, accepted, folded, memory_log, shipped_definitions

USERS = st.sampled_from(["u1", "u2", "u3"])
VISITORS = st.sampled_from(["a1", "a2"])
ORDERS = st.sampled_from(["o1", "o2"])
AMOUNTS = st.sampled_from(["10", "25.5", "0.0001", "1000"])


def people() -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.just({}),
        st.builds(lambda user: {"user_id": user}, USERS),
        st.builds(lambda visitor: {"anonymous_id": visitor}, VISITORS),
        st.builds(lambda user: {"email": f"{user}@example.com"}, USERS),
    )


def both() -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda user, visitor: {"user_id": user, "anonymous_id": visitor}, USERS, VISITORS)


def of(
    type_: str, ids: st.SearchStrategy[dict[str, Any]], **properties: Any
) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.just(type_), "ids": ids, "properties": st.fixed_dictionaries(properties)}
    )


ITEMS = st.one_of(
    of("page.viewed", people(), path=st.sampled_from(["/", "/tea"])),
    of("product.viewed", people(), product_id=st.just("p"), category=st.sampled_from(["tea", "cups"])),
    of("order.completed", people(), order_id=ORDERS, currency=st.sampled_from(["JPY", "USD"]), total=AMOUNTS),
    of("order.updated", people(), order_id=ORDERS, total=AMOUNTS),
    of("order.cancelled", people(), order_id=ORDERS),
    of("order.refunded", people(), order_id=ORDERS, currency=st.just("JPY"), amount=AMOUNTS),
    of("order.refunded", people(), currency=st.just("JPY"), amount=AMOUNTS),
    of("ticket.opened", people(), ticket_id=st.just("t1"), channel=st.just("phone")),
    of("ticket.solved", people(), ticket_id=st.just("t1")),
    of("visit.booked", people(), visit_id=st.just("v1"), starts_at=st.just("2026-06-01T10:00:00+09:00")),
    of("visit.no_show", people(), visit_id=st.just("v1")),
    of(
        "deal.created",
        people(),
        deal_id=st.just("d1"),
        amount=AMOUNTS,
        currency=st.just("JPY"),
        company_id=st.sampled_from(["c1", "c2"]),
    ),
    of("deal.won", people(), deal_id=st.just("d1")),
    of("customer.identified", both(), family_name=st.sampled_from(["Sato", "Ito"])),
    of("company.updated", people(), company_id=st.just("c1"), industry=st.sampled_from(["food", "tea"])),
    of(
        "customer.aliased",
        st.sampled_from([{"user_id": ["u1", "u2"]}, {"user_id": "u3", "anonymous_id": "a2"}]),
    ),
    st.builds(
        lambda user, order: {
            "type": "entity.attributed",
            "ids": {"user_id": user},
            "entities": [{"kind": "order", "id": order}],
        },
        USERS,
        ORDERS,
    ),
)


@st.composite
def touchpoints(draw: st.DrawFn) -> list[Accepted]:
    """Envelopes with few message ids, so that copies and conflicts are common, and few moments, so that ties
    are. Most keys are secret: an event of nobody takes one. Copies of one id come by one key: of equal bodies
    at one time the place in the log decides, and these tests change places."""
    found = []
    by_public_key: dict[str, bool] = {}
    for _ in range(draw(st.integers(1, 12))):
        item = dict(draw(ITEMS))
        item["message_id"] = str(draw(st.integers(0, 8)))
        item["occurred_at"] = (NOW - timedelta(days=1, minutes=draw(st.integers(0, 4)))).isoformat()
        public = by_public_key.setdefault(item["message_id"], draw(st.booleans()))
        public = public and bool(item["ids"]) and MODELS[item["type"]].PUBLIC
        received = NOW + timedelta(seconds=draw(st.integers(0, 3)))
        found.append(accepted(item, received, public=public))
    return found


def state(values: list[Accepted], batch: int) -> dict[str, str]:
    """The canonical hash, without what names a record's place in the log: here the places differ."""
    log = memory_log()
    log.append(topics.DEFINITIONS, shipped_definitions())
    log.append(topics.TOUCHPOINTS, [NewRecord(one.key, one.value) for one in values])
    with folded(log, batch) as (store, _):
        store.writer.execute('UPDATE events SET "offset" = 0')
        copies = store.writer.execute(
            "SELECT count(*), sum(md5_number_lower(event_id::VARCHAR || body_hash::VARCHAR)::HUGEINT) "
            "FROM copies"
        ).fetchone()
        return canon.digest(store.writer) | {"copies": str(copies)}


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(touchpoints(), st.data())
def test_batches_and_order_do_not_matter(values: list[Accepted], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(values))
    batch = data.draw(st.integers(1, len(values)))
    assert state(values, len(values)) == state(shuffled, batch)


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.too_slow])
@given(touchpoints())
def test_copies_change_nothing_but_their_count(values: list[Accepted]) -> None:
    once, twice = state(values, 100), state([*values, *values], 3)
    assert {**once, "copies": ""} == {**twice, "copies": ""}
