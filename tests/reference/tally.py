"""The account: what became of the records of touchpoints and failed events, by source."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from tests.reference.copies import Aside, Judged, order
from tests.reference.events import Event
from tests.reference.failures import Failed


def tally(judged: Judged, failed: Iterable[Failed]) -> Mapping[str, Mapping[str, int]]:
    """Terms that are not 0. A failed event that was admitted again counts as what it became, where that
    stands; further records that admit it and do not count are of no account."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for event in judged.events:
        found[event.source].update(["records", "events"])
    for one in judged.aside:
        found[one.copy.source].update(["records", _fate(one)])
    for first in _taken_out(judged):
        found[first.source].update(["events", "retracted"])
        found[first.source].subtract(["duplicates"])
    for item in failed:
        if item.place[0] != "definitions":
            found[item.source].update(["records", "failed_events"])
            found[item.source].update({"records": item.repeats, "duplicates": item.repeats})
    for item in failed:
        became = [one for one in judged.events if str(one.repairs) == item.failed_id]
        aside = [one for one in judged.aside if str(one.copy.repairs) == item.failed_id]
        aside.sort(key=lambda one: (_fate(one) == "failed_events", one.copy.place))
        if became or aside:
            found[item.source].subtract(["records", "failed_events"])
            found[item.source].update(["repaired"])
            by = min(became, key=lambda one: one.place) if became else aside.pop(0).copy
            found[by.source].update(["readmitted"])
        for one in aside:
            found[one.copy.source].subtract(["records", _fate(one)])
            found[one.copy.source].update(["readmitted"])
    return {source: {term: n for term, n in its.items() if n} for source, its in found.items()}


def _fate(one: Aside) -> str:
    return "failed_events" if one.fate == "conflict" else "duplicates"


def _taken_out(judged: Judged) -> list[Event]:
    """Of each event that was taken out, and no copy of which counts now, the first copy."""
    counting = {one.event_id for one in judged.events}
    gone: dict[object, list[Event]] = defaultdict(list)
    for one in judged.aside:
        if one.copy.event_id not in counting:
            gone[one.copy.event_id].append(one.copy)
    return [min(copies, key=order) for copies in gone.values()]
