"""The simulated shop: reproducible, admitted at the door, and as varied as a real one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kizuna.runtime.shop import SOURCES, Shop, Touchpoint
from kizuna.runtime.shop_hours import moments
from kizuna.runtime.shop_people import PHONES, fictional_phone
from kizuna.runtime.targets import line
from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.payload import MODELS
from tests.examples import examples

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2027, 6, 1, tzinfo=UTC)
HISTORY = 60_000


def told(seed: int, count: int, **given: Any) -> list[Touchpoint]:
    shop = Shop(seed, START, **given)
    return [shop.next(START + timedelta(minutes=3) * number) for number in range(count)]


@pytest.fixture(scope="module")
def history() -> list[Touchpoint]:
    return told(7, HISTORY, customers=500)


def properties(touchpoint: Touchpoint) -> dict[str, Any]:
    found = touchpoint.submission["properties"]
    assert isinstance(found, dict)
    return found


def ids(touchpoint: Touchpoint) -> dict[str, str]:
    found = touchpoint.submission.get("ids", {})
    assert isinstance(found, dict)
    return found


def of_type(history: list[Touchpoint], type_: str) -> list[Touchpoint]:
    return [one for one in history if one.submission["type"] == type_]


def test_the_same_seed_and_start_give_the_same_bytes() -> None:
    first, again, other = (b"".join(line(one) for one in told(seed, 3_000)) for seed in (3, 3, 4))
    assert first == again != other


def test_everything_is_admitted_and_every_kind_of_a_shop_occurs(history: list[Touchpoint]) -> None:
    assert [one for one in history if not isinstance(_admitted(one), Accepted)] == []
    assert {str(one.submission["type"]) for one in history} >= {
        *(
            type_
            for type_ in MODELS
            if type_.split(".")[0] in ("order", "payment", "coupon", "email", "visit", "deal", "contract")
        ),
        *("cart.updated", "checkout.started", "ticket.opened", "ticket.replied", "ticket.assigned"),
        *("ticket.status_changed", "ticket.priority_changed", "ticket.solved", "ticket.reopened"),
        "ticket.rated",
        *("page.viewed", "screen.viewed", "product.viewed", "product.listed", "product.searched"),
        *("form.submitted", "custom.quiz_finished", "treatment.noted", "activity.logged", "note.added"),
        *("task.created", "task.updated", "task.completed", "task.cancelled"),
        *("customer.identified", "customer.aliased", "company.updated", "campaign.member_added"),
        *("consent.given", "consent.withdrawn", "entity.attributed"),
        *("product.updated", "store.updated", "staff.updated"),
    }
    assert {one.source for one in history} == set(SOURCES)


@given(
    seed=st.integers(),
    customers=st.integers(1, 30),
    currency=st.sampled_from(["JPY", "EUR", "USD"]),
    live=st.booleans(),
    step=st.sampled_from([timedelta(seconds=0.01), timedelta(minutes=10), timedelta(days=1)]),
)
@hypothesis_settings(max_examples=examples(20))
def test_every_seed_is_admitted(
    seed: int, customers: int, currency: str, live: bool, step: timedelta
) -> None:
    shop = Shop(seed, START, customers=customers, currency=currency, live=live)
    for number in range(300):
        one = shop.next(START + step * number)
        assert isinstance(_admitted(one), Accepted), one


def _admitted(one: Touchpoint) -> object:
    return admit(one.submission, Origin(one.source, "secret", LATER), "key", lambda: UUID(int=0))


def test_some_sales_have_nobody_and_some_customers_come_often(history: list[Touchpoint]) -> None:
    sales = [one for one in of_type(history, "order.completed") if one.source.startswith("till-")]
    walk_ins = sum(1 for one in sales if not ids(one)) / len(sales)
    assert 0.3 < walk_ins < 0.8
    orders = Counter(ids(one).get("user_id") for one in of_type(history, "order.completed") if ids(one))
    assert max(orders.values()) >= 10
    assert sum(1 for count in orders.values() if count == 1) > 20


def test_strangers_become_known_later(history: list[Touchpoint]) -> None:
    seen_before: set[str] = set()
    joined = 0
    for one in history:
        device = ids(one).get("anonymous_id")
        if device and "user_id" not in ids(one):
            seen_before.add(device)
        elif one.submission["type"] == "customer.identified" and device in seen_before:
            joined += 1
    assert joined > 50


def test_duplicates_differ_in_nothing_but_the_time_they_are_sent() -> None:
    copies: defaultdict[object, list[dict[str, object]]] = defaultdict(list)
    for one in told(5, 20_000, live=True):
        copies[one.submission["message_id"]].append(one.submission)
    twice = [found for found in copies.values() if len(found) > 1]
    assert 100 < len(twice) < 400
    for found in twice:
        assert len({orjson.dumps({**one, "sent_at": ""}) for one in found}) == 1
        assert len({one["sent_at"] for one in found}) == len(found)


def test_some_events_come_days_late() -> None:
    shop = Shop(2, START)
    late = 0
    for number in range(20_000):
        moment = START + timedelta(minutes=3) * number
        occurred_at = datetime.fromisoformat(str(shop.next(moment).submission["occurred_at"]))
        assert occurred_at <= moment
        late += moment - occurred_at > timedelta(days=1)
    assert 50 < late < 1_000


def test_orders_add_up(history: list[Touchpoint]) -> None:
    for one in of_type(history, "order.completed"):
        order = properties(one)
        lines = sum(Decimal(line["unit_price"]) * line["quantity"] for line in order["lines"])
        owed = lines + Decimal(order.get("shipping", 0)) - Decimal(order.get("discount", 0))
        assert Decimal(order["total"]) == owed
        if "tenders" in order:
            assert sum(Decimal(part["amount"]) for part in order["tenders"]) == owed


def test_nobody_is_real(history: list[Touchpoint]) -> None:
    """Addresses end in the domains kept for examples, phones are of the ranges kept for fiction."""
    text = b"\n".join(orjson.dumps(one.submission) for one in history).decode()
    domains = set(re.findall(r"[\w.+-]+@([\w.-]+\w)", text))
    assert domains
    assert {domain for domain in domains if not re.search(r"(^|\.)example\.(com|jp)$", domain)} == set()
    fictional = re.compile(
        r"\+44(7700900|2079460|1134960|1144960|1154960|1164960|1174960|1184960|1214960|1314960"
        r"|1414960|1514960|1614960|1914980)\d{3}|\+1[2-9]\d{2}55501\d{2}"
    )
    phones = {ids(one)["phone"] for one in history if "phone" in ids(one)}
    assert len(phones) > 50
    assert [phone for phone in phones if not fictional.fullmatch(phone)] == []


def test_every_customer_has_a_phone_of_their_own_or_none() -> None:
    given = [fictional_phone(number) for number in range(PHONES + 10)]
    assert given[PHONES:] == [None] * 10
    assert len(set(given)) == PHONES + 1


@given(hours=st.floats(0.1, 5_000), count=st.integers(1, 300), offset=st.floats(0, 48, allow_nan=False))
def test_moments_go_from_start_to_end_in_order(hours: float, count: int, offset: float) -> None:
    start = START + timedelta(hours=offset)
    end = start + timedelta(hours=hours)
    found = list(moments(start, end, count))
    assert len(found) == count
    assert all(one <= other for one, other in pairwise(found))
    assert start <= found[0] <= start + timedelta(seconds=1)
    assert found[-1] < end


def test_evenings_are_busier_than_nights() -> None:
    by_hour = Counter(
        (one + timedelta(hours=9)).hour for one in moments(START, START + timedelta(days=30), 9_000)
    )
    assert by_hour[20] > 10 * by_hour[3] > 0
    days = Counter(
        (one + timedelta(hours=9)).date() for one in moments(START, START + timedelta(days=30), 9_000)
    )
    whole = sorted(days.values())[2:]
    assert whole[-1] - whole[0] <= 1
