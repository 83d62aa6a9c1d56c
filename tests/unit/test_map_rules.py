"""Rules of a map: how rows become events, how they group, and what their ids are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kizuna.ingest import arrangement
from tests.importing import Imported, a_map, import_text, rule

SALES = """receipt,line,at,product,quantity,price,member
R1,1,2026-01-02 10:05,tea,2,300,M7
R1,2,2026-01-02 10:04,cake,1,450.5,M7
R2,1,2026-01-02 11:00,tea,1,300,
"""

SALE = {
    "name": "sale",
    "type": "order.completed",
    "group_by": ["receipt"],
    "occurred_at": {"column": "at", "pick": "min"},
    "ids": {"card": "member"},
    "properties": {
        "order_id": "receipt",
        "currency": {"constant": "JPY"},
        "pieces": {"column": "quantity", "type": "integer", "pick": "sum"},
        "dearest": {"column": "price", "type": "decimal", "pick": "max"},
        "positions": {"column": "line", "pick": "count"},
        "first": {"column": "product", "pick": "first"},
        "lines": {
            "each_row": {
                "product_id": "product",
                "quantity": {"column": "quantity", "type": "decimal"},
                "unit_price": {"column": "price", "type": "decimal"},
            }
        },
    },
}


def by_type(imported: Imported) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for event in imported.events:
        found.setdefault(event["type"], []).append(event)
    return found


def test_rows_group_into_one_event(tmp_path: Path) -> None:
    imported = import_text(tmp_path, SALES, a_map(events=[SALE]))
    first, second = imported.events
    assert first["occurred_at"] == "2026-01-02T10:04:00.000000Z"
    assert first["ids"] == [{"kind": "card", "value": "M7"}]
    assert second["ids"] == []
    assert first["properties"] == {
        "order_id": "R1",
        "currency": "JPY",
        "pieces": 3,
        "dearest": "450.5",
        "positions": 2,
        "first": "cake",  # of the row whose content comes first
        "total": "1050.5000",
        "lines": [
            {"product_id": "cake", "quantity": "1.0000", "unit_price": "450.5000"},
            {"product_id": "tea", "quantity": "2.0000", "unit_price": "300.0000"},
        ],
    }
    assert (imported.report.rows, imported.report.events, imported.report.failed) == (3, 2, 0)


def test_a_group_that_disagrees_fails_as_a_whole(tmp_path: Path) -> None:
    text = SALES.replace("tea,2,300,M7", "tea,2,300,M8")
    imported = import_text(tmp_path, text, a_map(events=[SALE]))
    (failed,) = imported.failed
    assert (failed["code"], failed["path"], failed["line"]) == ("unmapped", "ids.card", 2)
    assert failed["reason"] == "member is not the same in all rows: say which with pick"
    assert "cake" in failed["item"]
    assert "M8" in failed["item"]
    assert [event["properties"]["order_id"] for event in imported.events] == ["R2"]


def test_a_bad_row_fails_its_group(tmp_path: Path) -> None:
    text = SALES.replace("cake,1,450.5", "cake,one,450.5")
    imported = import_text(tmp_path, text, a_map(events=[SALE]))
    (failed,) = imported.failed
    assert failed["path"] == "properties.pieces"
    assert "tea" in failed["item"]  # the whole group is kept
    assert failed["file"] == "rows.csv"
    assert len(imported.events) == 1


def test_rows_without_their_key_fail_one_by_one(tmp_path: Path) -> None:
    text = SALES + ",1,2026-01-02 12:00,tea,1,300,\n,1,2026-01-02 12:00,tea,1,300,\n"
    imported = import_text(tmp_path, text, a_map(events=[SALE]))
    assert [(one["line"], one["reason"]) for one in imported.failed] == [
        (5, "column receipt is empty"),
        (6, "column receipt is empty"),
    ]
    assert imported.failed[0]["failed_id"] != imported.failed[1]["failed_id"]
    assert len(imported.events) == 2


def test_a_row_may_become_several_events(tmp_path: Path) -> None:
    member = {
        "name": "member",
        "type": "customer.identified",
        "when": {"column": "member", "empty": False},
        "group_by": ["member"],
        "occurred_at": {"column": "at", "pick": "min"},
        "ids": {"card": "member"},
    }
    tea = rule(name="tea", when={"column": "product", "eq": "tea"}, natural_key=["receipt", "line"])
    found = by_type(import_text(tmp_path, SALES, a_map(events=[SALE, member, tea])))
    assert {type_: len(events) for type_, events in found.items()} == {
        "order.completed": 2,
        "customer.identified": 1,
        "custom.row": 2,
    }


def test_what_the_door_refuses_is_kept_as_it_was_to_be(tmp_path: Path) -> None:
    imported = import_text(tmp_path, SALES.replace("450.5", "-9450.5"), a_map(events=[SALE]))
    (failed,) = imported.failed
    assert failed["code"] == "invalid"
    assert failed["via"] == "import"
    assert failed["item"].startswith('{"type":"order.completed"')
    assert imported.report.examples[0].reason == failed["reason"]


def test_rows_that_fit_no_rule_fail_unless_the_map_says_else(tmp_path: Path) -> None:
    events = [rule(when={"column": "product", "eq": "tea"})]
    imported = import_text(tmp_path, SALES, a_map(events=events))
    (failed,) = imported.failed
    assert (failed["line"], failed["reason"]) == (3, "no event of the map takes this row")
    assert '"product":"cake"' in failed["item"]
    imported = import_text(tmp_path, SALES, a_map(events=events, otherwise={"leave_out": "no tea"}))
    assert (imported.failed, imported.report.left_out) == ([], {"no tea": 1})


def test_rows_are_left_out_before_any_rule_and_counted_once(tmp_path: Path) -> None:
    leave_out = [
        {"name": "cakes", "when": {"column": "product", "eq": "cake"}},
        {"name": "members", "when": {"column": "member", "empty": False}},
    ]
    imported = import_text(tmp_path, SALES, a_map(events=[rule()], leave_out=leave_out))
    assert imported.report.left_out == {"cakes": 1, "members": 1}
    assert len(imported.events) == 1


def test_equal_rows_are_events_of_their_own_without_a_key(tmp_path: Path) -> None:
    text = "at,x\n2026-01-01,a\n2026-01-01,a\n2026-01-01,b\n"
    map_file = a_map(events=[rule(occurred_at="at", properties={"id": {"row_id": True}, "x": "x"})])
    imported = import_text(tmp_path, text, map_file)
    assert len({event["event_id"] for event in imported.events}) == 3
    assert len({one["id"] for one in imported.properties}) == 3
    assert all(len(one["id"]) == 32 for one in imported.properties)


def test_equal_rows_are_one_event_by_their_natural_key(tmp_path: Path) -> None:
    text = "at,x\n2026-01-01,a\n2026-01-01,a\n"
    imported = import_text(tmp_path, text, a_map(events=[rule(occurred_at="at", natural_key=["x"])]))
    first, second = imported.events
    assert first["event_id"] == second["event_id"]
    assert first["body_hash"] == second["body_hash"]


def test_a_rows_number_is_the_same_in_each_rule(tmp_path: Path) -> None:
    text = "at,x\n2026-01-01,a\n2026-01-01,a\n"
    ids = {"id": {"row_id": True}}
    events = [
        rule(name="one", type="custom.one", properties=ids),
        rule(name="two", type="custom.two", properties=ids),
    ]
    found = by_type(import_text(tmp_path, text, a_map(events=events)))
    one, two = ({event["properties"]["id"] for event in found[f"custom.{name}"]} for name in ("one", "two"))
    assert one == two


def test_the_natural_key_names_the_event_in_its_source(tmp_path: Path) -> None:
    """Other columns, another rule and another file change nothing; another source or type does."""

    def event_id(text: str, **parts: Any) -> str:
        source = parts.pop("source", "shop")
        (event,) = import_text(
            tmp_path, text, a_map(source=source, events=[rule(natural_key=["k"], **parts)])
        ).events
        return str(event["event_id"])

    base = event_id("k\n7\n")
    assert event_id("j,k\nx,7\n", name="other", properties={"j": "j"}) == base
    assert event_id("k\n8\n") != base
    assert event_id("k\n7\n", type="custom.other") != base
    assert event_id("k\n7\n", source="other") != base


def test_keys_do_not_run_together(tmp_path: Path) -> None:
    events = [rule(natural_key=["a", "b"])]
    imported = import_text(tmp_path, 'a,b\n1,23\n12,3\n"1"",""2",3\n', a_map(events=events))
    assert len({event["event_id"] for event in imported.events}) == 3


def test_an_event_without_a_time_fails(tmp_path: Path) -> None:
    imported = import_text(tmp_path, "at,x\n2026-01-01,a\n,b\n", a_map())
    (failed,) = imported.failed
    assert (failed["path"], failed["reason"], failed["line"]) == ("occurred_at", "column at is empty", 3)


def test_a_constant_time_fills_in(tmp_path: Path) -> None:
    events = [rule(occurred_at={"column": "at", "default": "2016-10-01"})]
    imported = import_text(tmp_path, "at,x\n2026-01-01,a\n,b\n", a_map(events=events))
    assert [event["occurred_at"][:10] for event in imported.events] == ["2016-10-01", "2026-01-01"]


def test_events_come_in_the_order_of_time(tmp_path: Path) -> None:
    text = "at\n" + "".join(f"2026-01-{day:02}\n" for day in (5, 3, 9, 1, 7))
    events = import_text(tmp_path, text, a_map()).events
    assert [event["occurred_at"][8:10] for event in events] == ["01", "03", "05", "07", "09"]


@pytest.mark.parametrize("rows_at_once", [1, 2, 1_000])
def test_groups_are_whole_however_many_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    monkeypatch.setattr(arrangement, "ROWS_AT_ONCE", rows_at_once)
    text = "at,g,x\n" + "".join(f"2026-01-01,{number % 7},{number}\n" for number in range(50))
    events = [rule(group_by=["g"], properties={"x": {"each_row": {"n": {"column": "x", "type": "integer"}}}})]
    imported = import_text(tmp_path, text, a_map(events=events))
    found = sorted(sorted(row["n"] for row in one["x"]) for one in imported.properties)
    assert found == [list(range(start, 50, 7)) for start in range(7)]
