"""Which subjects are one profile: refusals, overrides, and that the order of reading decides nothing."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from kizuna.projections.identity import TWO_USERS, Link, Node, Order, resolve
from tests.folding import NOW


def order(second: int) -> Order:
    return Order(NOW + timedelta(seconds=second), NOW, UUID(int=second))


def node(kind: str, number: int) -> Node:
    return Node(kind, UUID(int=number), order(number))


NODES = {1: node("user_id", 1), 2: node("user_id", 2), 3: node("anonymous_id", 3), 4: node("anonymous_id", 4)}


def test_a_visitor_joins_the_first_user_and_not_the_second() -> None:
    first, second = Link(1, 3, order(1), False), Link(2, 3, order(2), False)
    resolution = resolve(NODES, [second, first])
    assert resolution.profile == {1: 1, 2: 2, 3: 1, 4: 4}
    assert resolution.refused == {second: TWO_USERS}


def test_a_secret_alias_joins_two_users_and_the_first_seen_names_the_profile() -> None:
    resolution = resolve(NODES, [Link(2, 1, order(5), True)])
    assert resolution.profile == {1: 1, 2: 1, 3: 3, 4: 4}
    assert resolution.refused == {}


def test_a_link_within_one_profile_is_no_refusal() -> None:
    links = [Link(1, 3, order(1), False), Link(1, 4, order(2), False), Link(3, 4, order(3), False)]
    assert resolve(NODES, links).refused == {}


LINKS = st.builds(
    Link,
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 9).map(order),
    st.booleans(),
).filter(lambda link: link.a != link.b)


@given(st.lists(LINKS, max_size=8, unique=True), st.randoms())
def test_the_order_of_reading_decides_nothing(links: list[Link], chance: st.DataObject) -> None:
    shuffled = list(links)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert resolve(NODES, shuffled) == resolve(NODES, links)


@given(st.lists(LINKS.map(lambda link: link._replace(forced=False)), max_size=8, unique=True))
def test_without_a_secret_alias_no_profile_has_two_users(links: list[Link]) -> None:
    profile = resolve(NODES, links).profile
    assert profile[1] != profile[2]
