"""Times: one text form, and the correction of a sender's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import example as explicitly
from hypothesis import given
from hypothesis import strategies as st

from kizuna.schemas import times
from kizuna.schemas.admission import occurrence
from tests.door import RECEIVED

moments = st.datetimes(datetime(1900, 1, 1), datetime(2261, 12, 31), timezones=st.just(UTC))
near = st.timedeltas(timedelta(days=-3), timedelta(days=3)).map(lambda away: RECEIVED + away)


def test_the_clock_of_the_sender_is_corrected() -> None:
    def at(text: str) -> datetime:
        return times.parse(text)

    received = at("2026-03-14T12:00:00Z")
    assert occurrence(None, None, received) == (received, False)
    assert occurrence(at("2026-03-14T11:00:00Z"), None, received) == (at("2026-03-14T11:00:00Z"), False)
    assert occurrence(at("2026-03-15T11:59:00Z"), at("2026-03-15T12:00:00Z"), received) == (
        at("2026-03-14T11:59:00Z"),
        False,
    )
    assert occurrence(at("2026-03-14T12:01:00Z"), None, received) == (received, True)
    assert occurrence(at("2026-03-14T11:00:00Z"), at("2026-03-14T10:00:00Z"), received) == (received, True)


@given(moments | near, st.none() | moments | near, moments | near)
@explicitly(times.EARLIEST, times.LATEST - timedelta(microseconds=1), times.EARLIEST)
def test_occurrence(original: datetime, sent: datetime | None, received: datetime) -> None:
    corrected, clamped = occurrence(original, sent, received)
    assert times.EARLIEST <= corrected <= received
    if clamped:
        assert corrected == received
    elif sent is not None and corrected != original:
        assert received - corrected == sent - original
    else:
        assert corrected == original or sent == received


@given(
    moments, st.timedeltas(timedelta(0), timedelta(days=400)), st.timedeltas(timedelta(0), timedelta(days=40))
)
def test_a_wrong_clock_does_not_matter(wrong: datetime, age: timedelta, travel: timedelta) -> None:
    """The same event, sent by clocks that are right and wrong, has the same time."""
    received = RECEIVED + travel
    right = occurrence(RECEIVED - age, RECEIVED, received)
    assert occurrence(wrong - age, wrong, received) == right if wrong - age >= times.EARLIEST else right


@given(moments)
def test_times_are_written_in_one_length_and_order(moment: datetime) -> None:
    text = times.text(moment)
    assert text == moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert times.parse(text) == moment == times.from_micros(times.to_micros(moment))
