"""The reference's judgement of copies, by hand: what corrections and retractions take out, since when."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.folding import NOW
from tests.reference.copies import judge
from tests.reference.events import Entity, Event

ORDER = Entity("order", "shop", "o1")


def copy(id_: int, minute: int, type_: str = "page.viewed", **more: Any) -> Event:
    """A copy received and recorded that many minutes after the beginning."""
    moment = NOW + timedelta(minutes=minute)
    plain = Event(
        place=(0, minute),
        recorded_at=moment,
        event_id=UUID(int=id_),
        type=type_,
        occurred_at=NOW,
        received_at=moment,
        source="shop",
        secret=True,
        ids=(),
        entities=(),
        properties={},
        fields={},
        body_hash="a",
        test=False,
        import_id=None,
        corrects=None,
        test_act=False,
        replaces=None,
        repairs=None,
    )
    return replace(plain, **more)


def retraction(id_: int, minute: int, **target: Any) -> Event:
    return copy(id_, minute, "event.retracted", properties=target)


def of(id_: int) -> dict[str, str]:
    return {"event_id": str(UUID(int=id_))}


def counting(*copies: Event) -> list[int]:
    """Minutes of the copies that count, retractions left out, whatever the order of reading."""
    events = judge(reversed(copies)).events
    assert events == judge(copies).events
    return sorted(one.place[1] for one in events if one.type != "event.retracted")


def fates(*copies: Event) -> dict[int, tuple[str, int, bool]]:
    """By minute: fate, minute since which it does not count, and whether it was displaced."""
    return {
        one.copy.place[1]: (one.fate, (one.since - NOW) // timedelta(minutes=1), one.displaced)
        for one in judge(copies).aside
    }


def test_the_earliest_copy_counts_and_one_that_comes_late_displaces() -> None:
    late = replace(copy(1, 0), recorded_at=NOW + timedelta(minutes=9))
    copies = (late, copy(1, 3), copy(1, 5, body_hash="b"))
    assert counting(*copies) == [0]
    assert fates(*copies) == {3: ("duplicate", 9, True), 5: ("conflict", 9, True)}
    assert fates(copy(1, 3), copy(1, 5)) == {5: ("duplicate", 5, False)}


def test_a_retraction_takes_out_earlier_copies_and_frees_their_id() -> None:
    copies = (copy(1, 1), copy(1, 2), retraction(9, 3, **of(1)), copy(1, 4, body_hash="b"))
    assert counting(*copies) == [4]
    assert fates(*copies) == {1: ("retracted", 3, False), 2: ("retracted", 3, False)}


def test_a_retraction_is_undone_by_retracting_it() -> None:
    undone = (copy(1, 1), retraction(8, 2, **of(1)), retraction(9, 3, **of(8)))
    assert counting(*undone) == [1]
    assert fates(*undone) == {2: ("retracted", 3, False)}
    again = (*undone, retraction(7, 4, **of(9)))
    assert counting(*again) == []
    assert fates(*again) == {1: ("retracted", 2, False), 3: ("retracted", 4, False)}


def test_a_correction_stands_in_the_place_of_its_event_until_it_is_taken_out_itself() -> None:
    wrong, right = copy(1, 1), copy(2, 2, corrects=UUID(int=1))
    assert counting(wrong, right) == [2]
    assert counting(wrong, right, copy(3, 3, corrects=UUID(int=2))) == [3]
    later = copy(3, 3, corrects=UUID(int=1))
    assert counting(wrong, right, later) == [3]
    assert counting(wrong, right, later, retraction(9, 4, **of(3))) == [2]
    assert counting(wrong, right, retraction(9, 3, **of(2))) == [1]


def test_an_entity_is_taken_out_wherever_it_is_named_and_in_its_namespace_only() -> None:
    named = copy(1, 1, entities=(Entity("ticket", "shop", "t1"), ORDER))
    other = copy(2, 2, entities=(Entity("order", "till", "o1"),))
    correction = copy(3, 3, corrects=UUID(int=2), entities=(ORDER,))
    target = {"entity": {"kind": "order", "id": "o1"}}
    assert counting(named, other, correction, retraction(9, 4, **target)) == [2]
    assert counting(named, retraction(9, 0, **target)) == [1]


def test_an_import_is_taken_out_whole_also_what_of_it_comes_later() -> None:
    copies = (copy(1, 1, import_id="i"), retraction(9, 2, import_id="i"), copy(2, 3, import_id="i"))
    assert counting(*copies, copy(3, 4, import_id="j")) == [4]
    assert fates(*copies) == {1: ("retracted", 2, False), 3: ("retracted", 3, False)}
    assert counting(*copies, retraction(8, 5, **of(9))) == [1, 3]


def test_a_control_acts_once_for_ever() -> None:
    first, second = retraction(9, 3, **of(1)), retraction(9, 4, **of(2))
    assert counting(copy(1, 1), copy(2, 2), first, second) == [2]
    assert fates(first, second) == {4: ("duplicate", 4, False)}
    dead = retraction(8, 5, **of(9))
    assert counting(copy(1, 1), copy(2, 2), first, second, dead, copy(9, 6)) == [1, 2, 6]


def test_a_test_takes_nothing_out() -> None:
    assert counting(copy(1, 1), replace(retraction(9, 2, **of(1)), test=True)) == [1]
