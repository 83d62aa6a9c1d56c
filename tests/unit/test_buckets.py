"""Token buckets, against the sentence that defines them."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kizuna.processors.buckets import Bucket, Buckets, Rate, take, whole_seconds

REQUESTS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 12)), max_size=40)
"""Pauses in quarters of a second, and costs."""


def admitted_by_definition(requests: list[tuple[int, int]], rate: int, burst: int) -> list[bool]:
    """Over no stretch of time that ends now may more than the burst and what grew meanwhile have been let in;
    what is larger than the burst counts as the burst until it is let in."""
    let_in: list[tuple[Fraction, int]] = []
    verdicts = []
    now = Fraction(0)
    for pause, cost in requests:
        now += Fraction(pause, 4)
        good = all(
            sum(other for at, other in let_in if at >= begin) + min(cost, burst)
            <= burst + rate * (now - begin)
            for begin in [*(at for at, _ in let_in), now]
        )
        verdicts.append(good)
        if good:
            let_in.append((now, cost))
    return verdicts


@given(REQUESTS, st.sampled_from([1, 2, 4, 8]), st.integers(1, 10))
def test_a_bucket_lets_in_what_the_definition_lets_in(
    requests: list[tuple[int, int]], rate: int, burst: int
) -> None:
    bucket: Bucket | None = None
    now = 0.0
    verdicts = []
    for pause, cost in requests:
        now += pause / 4
        bucket, wait = take(bucket, Rate(rate, burst), cost, now)
        verdicts.append(wait == 0)
    assert verdicts == admitted_by_definition(requests, rate, burst)


@given(REQUESTS, st.floats(0.01, 1e5), st.floats(0.5, 1e5), st.integers(1, 50))
def test_who_waits_as_long_as_told_is_let_in_and_not_much_earlier(
    requests: list[tuple[int, int]], rate: float, burst: float, cost: int
) -> None:
    bucket: Bucket | None = None
    now = 0.0
    for pause, other in requests:
        now += pause / 4
        bucket, _ = take(bucket, Rate(rate, burst), other, now)
    _, wait = take(bucket, Rate(rate, burst), cost, now)
    assert take(bucket, Rate(rate, burst), cost, now + wait)[1] == 0
    assert wait == 0 or take(bucket, Rate(rate, burst), cost, now + wait * 0.99 - 1e-3)[1] > 0


def test_waiting_is_told_in_whole_seconds_rounded_up() -> None:
    assert [whole_seconds(wait) for wait in (0.0001, 1.0, 1.0001, 59.2)] == [1, 1, 2, 60]


def test_senders_do_not_share_a_bucket() -> None:
    buckets = Buckets(Rate(1, 2))
    assert [buckets.take("a", 1, 0) for _ in range(3)] == [0, 0, 1]
    assert buckets.take("b", 1, 0) == 0
    assert buckets.wait("a", 1, 0.5) == 0.5
    assert buckets.take("a", 1, 1) == 0


def test_a_rate_of_nothing_is_no_limit() -> None:
    buckets = Buckets(Rate(0, 0))
    assert {buckets.take("a", 1_000_000, 0) for _ in range(100)} == {0}
    assert len(buckets) == 0


def test_however_many_come_few_are_kept() -> None:
    buckets = Buckets(Rate(1, 1), most=100)
    for number in range(10_000):
        buckets.take(number, 1, 0)
    assert len(buckets) == 100
    assert buckets.take(9_999, 1, 0) == 1, "the youngest are remembered"


def test_full_buckets_are_forgotten() -> None:
    buckets = Buckets(Rate(1, 1))
    for number in range(1_000):
        buckets.take(number, 1, 0)
    for number in range(600):
        buckets.take("another", 0, 10 + number)
    assert len(buckets) <= 1
