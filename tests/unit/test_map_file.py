"""A map as people write it: every mistake is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from kizuna.ingest.map_file import load_map, parse_map
from kizuna.schemas.errors import ConfigurationError
from tests.importing import EXAMPLES

MAP = """\
source: shop
events:
  - name: order
    type: order.completed
    group_by: [Invoice]
    occurred_at: {column: Date, pick: min}
    ids: {user_id: Customer}
    properties:
      order_id: Invoice
      currency: {constant: GBP}
      lines:
        each_row:
          product_id: Code
          quantity: {column: Q, type: decimal}
"""
COLUMNS = ["Invoice", "Date", "Customer", "Code", "Q"]


MISTAKES = [
    ("order.completed", "order.complete", 4, "events.0.type: no such event type: order.complete"),
    ("pick: min", "pick: least", 6, "events.0.occurred_at.pick: Input should be 'same', 'first'"),
    ("order_id: Invoice", "order_id: {colum: I}", 9, "events.0.properties.order_id.colum: is not known"),
    ("source: shop", "sorce: shop", 1, "map: source is missing"),
    ("type: decimal", "tipe: x", 14, "events.0.properties.lines.each_row.quantity.tipe: is not known"),
    ("{constant: GBP}", "{constant: GBP, column: x}", 10, "events.0.properties.currency: give one of"),
    ("{user_id: Customer}", "{userid: Customer}", 7, "events.0.ids: userid is no kind of identifier"),
    ("[Invoice]", "[Invoice]\n    natural_key: [Code]", 3, "events.0: natural_key of grouped rows"),
    ("source: shop", "source: shop\ntime_zone: Mars", 2, "time_zone: no such time zone: Mars"),
    ("source: shop", "source: shop\nformat: {encoding: x}", 2, "format.encoding: no such encoding: x"),
    ("order_id: Invoice", "order_id: {row_id: true}", 3, "events.0: row_id is of one row"),
    ("{column: Date, pick: min}", "{column: Date, type: date}", 3, "events.0: occurred_at is a moment"),
    ("events:\n", "events: []\nx:\n", 2, "events: "),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), MISTAKES)
def test_a_mistake_is_told_with_its_line(old: str, new: str, line: int, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_map(MAP.replace(old, new), "shop.yaml")
    assert f"shop.yaml, line {line}, {message}" in str(caught.value)


def test_what_yaml_itself_does_not_tell_is_told() -> None:
    with pytest.raises(ConfigurationError, match=r"shop.yaml, line 6: expected ',' or '\]'"):
        parse_map(MAP.replace("[Invoice]", "[Invoice"), "shop.yaml")
    with pytest.raises(ConfigurationError, match="line 10: order_id stands there twice"):
        parse_map(MAP.replace("      currency:", "      order_id: Code\n      currency:"), "shop.yaml")


def test_two_rules_have_two_names() -> None:
    twice = MAP + MAP.partition("events:\n")[2]
    with pytest.raises(ConfigurationError, match="two events have the same name"):
        parse_map(twice, "shop.yaml")


def test_a_column_that_the_file_lacks_is_told_with_its_line() -> None:
    map_file = parse_map(MAP, "shop.yaml")
    map_file.check_columns(COLUMNS)
    with pytest.raises(ConfigurationError) as caught:
        map_file.check_columns(["Invoice", "Dates", "Customer", "Code", "Q"])
    assert "shop.yaml, line 6, events.0.occurred_at: the file has no column Date" in str(caught.value)
    assert "Did you mean Dates?" in caught.value.hint


@pytest.mark.parametrize("text", ["", "- a", "just text", "source: [", "\0"])
def test_what_is_no_map_is_told(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"shop\.yaml"):
        parse_map(text, "shop.yaml")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="Cannot read the map"):
        load_map(tmp_path / "none.yaml")
    (tmp_path / "map.yaml").write_bytes(b"source: \xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_map(tmp_path / "map.yaml")


def test_comments_and_spacing_do_not_make_another_map() -> None:
    said = parse_map(MAP, "a.yaml").map.sha256()
    assert (
        parse_map("# why\n" + MAP.replace("{constant: GBP}", "{ constant:   'GBP' }"), "b.yaml").map.sha256()
        == said
    )
    assert parse_map(MAP + "description: none of its business\n", "c.yaml").map.sha256() == said
    assert parse_map(MAP.replace("GBP", "EUR"), "d.yaml").map.sha256() != said


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_maps(path: Path) -> None:
    assert load_map(path).map.source
