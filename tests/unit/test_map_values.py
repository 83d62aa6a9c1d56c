"""Values of a map: every type, from every kind of source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kizuna.schemas.errors import ConfigurationError
from tests.importing import a_map, import_text, rule


def value(folder: Path, text: str, spec: Any, **format_: Any) -> Any:
    """What the property x becomes for a row whose column `given` holds `text`; a failure's reason else."""
    map_file = a_map(events=[rule(properties={"x": spec})], format=format_)
    quoted = '"' + text.replace('"', '""') + '"'
    imported = import_text(folder, f"other,given\no,{quoted}\n", map_file)
    if imported.failed:
        assert imported.failed[0]["code"] == "unmapped"
        assert imported.failed[0]["path"] == "properties.x"
        return ValueError(imported.failed[0]["reason"])
    return imported.properties[0].get("x")


@pytest.mark.parametrize(
    ("text", "spec", "expected"),
    [
        (" a b ", "given", " a b "),
        ('quote " and \\ and \ttab', "given", 'quote " and \\ and \ttab'),
        ("絆 é ☕", "given", "絆 é ☕"),
        ("7", {"column": "given", "type": "integer"}, 7),
        ("13085.0", {"column": "given", "type": "integer"}, 13085),
        ("-9223372036854775808", {"column": "given", "type": "integer"}, -(2**63)),
        ("12", {"column": "given", "type": "integer", "times": -1}, -12),
        ("6.95", {"column": "given", "type": "decimal"}, "6.95"),
        ("0.30000000000000004", {"column": "given", "type": "decimal"}, "0.3"),
        ("1.00005", {"column": "given", "type": "decimal"}, "1.0001"),
        ("-1.00005", {"column": "given", "type": "decimal"}, "-1.0001"),
        ("1e-05", {"column": "given", "type": "decimal", "scale": 6}, "0.00001"),
        ("100", {"column": "given", "type": "decimal"}, "100"),
        ("2.5", {"column": "given", "type": "decimal", "times": -2}, "-5"),
        ("1.1", {"column": "given", "type": "decimal", "times": 1000000}, "1100000"),
        ("Yes", {"column": "given", "type": "boolean"}, True),
        ("0", {"column": "given", "type": "boolean"}, False),
        ("2026-01-02", {"column": "given", "type": "date"}, "2026-01-02"),
        ("2026-01-02 10:11:12", {"column": "given", "type": "date"}, "2026-01-02"),
        ("2/1/26", {"column": "given", "type": "date", "format": "%d/%m/%y"}, "2026-01-02"),
        ("2026-01-02T03:04:05+09:00", {"column": "given", "type": "moment"}, "2026-01-01T18:04:05.000000Z"),
        ("2026-01-02 03:04", {"column": "given", "type": "moment"}, "2026-01-02T03:04:00.000000Z"),
        ('{"a": [1, null]}', {"column": "given", "type": "json"}, {"a": [1, None]}),
        ("b", {"template": "{other}-{given}!"}, "o-b!"),
        ("b", {"template": "{{{given}}}"}, "{b}"),
        ("", {"template": "{other}-{given}"}, None),
        ("", {"template": "{other}-{given}", "default": "none"}, "none"),
        ("b", {"constant": "fixed 'text'"}, "fixed 'text'"),
        ("b", 5, 5),
        ("b", 2.5, "2.5"),
        ("b", True, True),
        ("b", {"constant": "5"}, "5"),
        ("", "given", None),
        ("", {"column": "given", "type": "integer"}, None),
        ("", {"column": "given", "type": "integer", "default": 3}, 3),
        ("", {"column": "given", "type": "boolean", "default": False}, False),
        ("b", {"object": {"a": "given", "b": {"object": {"c": "other"}}}}, {"a": "b", "b": {"c": "o"}}),
        ("", {"object": {"inner": "given"}}, None),
        ("b", {"each_row": {"inner": "given"}}, [{"inner": "b"}]),
    ],
)  # fmt: skip
def test_a_value_is_read_as_its_type(tmp_path: Path, text: str, spec: Any, expected: Any) -> None:
    found = value(tmp_path, text, spec)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "spec", "reason"),
    [
        ("x", {"column": "given", "type": "integer"}, "column given holds no whole number of 64 bits"),
        ("1.5", {"column": "given", "type": "integer"}, "column given holds no whole number of 64 bits"),
        ("9223372036854775808", {"column": "given", "type": "integer"}, "column given holds no whole number"),
        ("1,000", {"column": "given", "type": "decimal"}, "column given holds no number"),
        ("nan", {"column": "given", "type": "decimal"}, "column given holds no number"),
        ("1e40", {"column": "given", "type": "decimal"}, "column given holds no number"),
        ("maybe", {"column": "given", "type": "boolean"}, "column given holds neither true nor false"),
        ("2026-02-30", {"column": "given", "type": "date"}, "column given holds no date"),
        ("infinity", {"column": "given", "type": "date"}, "column given holds no date"),
        ("infinity", {"column": "given", "type": "moment"}, "column given holds no time"),
        ("2/1/26", {"column": "given", "type": "date", "format": ["%Y", "%m-%d"]}, "of the form %Y or %m-%d"),
        ("{", {"column": "given", "type": "json"}, "column given holds no JSON"),
        ("x", {"template": "{given}{other}", "type": "integer"}, "it holds no whole number"),
        ("", {"column": "given", "type": "integer", "default": "none"}, "column given holds no whole number"),
    ],
)  # fmt: skip
def test_what_is_no_such_thing_is_a_failure_with_its_place(
    tmp_path: Path, text: str, spec: Any, reason: str
) -> None:
    found = value(tmp_path, text, spec)
    assert isinstance(found, ValueError)
    assert reason in str(found)


def test_numbers_as_the_file_writes_them(tmp_path: Path) -> None:
    spec = {"column": "given", "type": "decimal"}
    assert value(tmp_path, "1.234.567,89", spec, decimal=",", thousands=".") == "1234567.89"
    assert value(tmp_path, "1,234", spec, thousands=",") == "1234"
    assert value(tmp_path, "-0,5", spec, decimal=",") == "-0.5"


def test_texts_that_mean_no_value(tmp_path: Path) -> None:
    assert value(tmp_path, "NULL", "given", nulls=["", "NULL"]) is None
    assert value(tmp_path, "", "given", nulls=["NULL"]) == ""
    assert value(tmp_path, "", "given", nulls=[]) == ""


@pytest.mark.parametrize(
    ("zone", "text", "utc"),
    [
        ("Europe/London", "2010-07-01 10:00:00", "2010-07-01T09:00:00.000000Z"),
        ("Europe/London", "2010-01-01 10:00:00", "2010-01-01T10:00:00.000000Z"),
        ("Asia/Tokyo", "2010-01-01", "2009-12-31T15:00:00.000000Z"),
        ("Asia/Tokyo", "2010-01-01T00:00:00Z", "2010-01-01T00:00:00.000000Z"),
        ("America/New_York", "2010-01-01 00:00:00.123456", "2010-01-01T05:00:00.123456Z"),
    ],
)
def test_times_without_an_offset_are_of_the_maps_zone(tmp_path: Path, zone: str, text: str, utc: str) -> None:
    map_file = a_map(time_zone=zone)
    (event,) = import_text(tmp_path, f"at\n{text}\n", map_file).events
    assert event["occurred_at"] == event["original_timestamp"] == utc


def test_a_form_may_carry_an_offset(tmp_path: Path) -> None:
    at = {"column": "at", "format": ["%d.%m.%Y %H:%M %z", "%Y%m%d"]}
    map_file = a_map(time_zone="Asia/Tokyo", events=[rule(occurred_at=at)])
    events = import_text(tmp_path, "at\n01.02.2026 10:00 +0000\n20260102\n", map_file).events
    times = [event["occurred_at"] for event in events]
    assert times == ["2026-01-01T15:00:00.000000Z", "2026-02-01T10:00:00.000000Z"]


def test_ids_places_and_entities_are_texts(tmp_path: Path) -> None:
    map_file = a_map(
        events=[
            rule(
                ids={"user_id": {"column": "customer", "type": "integer"}, "x_crm": "crm"},
                entities=[
                    {"kind": "visit", "id": {"column": "visit", "type": "integer"}, "namespace": "salon"},
                    {"kind": "order", "id": "order"},
                ],
                channel={"constant": "store"},
                place={"store": "shop", "register": {"column": "till", "type": "integer"}},
                context={"file": {"object": {"kind": {"constant": "till"}}}},
            )
        ]
    )
    text = "customer,crm,visit,order,shop,till\n13085.0,,7.0,,Ginza,3\n"
    (event,) = import_text(tmp_path, text, map_file).events
    assert event["ids"] == [{"kind": "user_id", "value": "13085"}]
    assert event["entities"] == [{"kind": "visit", "namespace": "salon", "id": "7"}]
    assert (event["channel"], event["place"]) == ("store", {"store": "Ginza", "register": "3"})
    assert event["context"] == {"file": {"kind": "till"}}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "give one of column, template, constant, row_id"),
        ({"column": "a", "constant": 1}, "give one of"),
        ({"column": "a", "times": 2}, "times needs type integer or decimal"),
        ({"column": "a", "format": "%Y"}, "format needs type date or moment"),
        ({"column": "a", "type": "decimal", "scale": 10}, "scale"),
        ({"template": "{}"}, "write {column}"),
        ({"template": "{a!r}"}, "write {column}"),
        ({"template": "{a"}, "template"),
        ({"row_id": True, "type": "integer"}, "row_id is a text"),
        ({"column": "a", "pick": "min"}, "pick is for grouped rows"),
        ({"each_row": {}}, "each_row"),
        ({"each_row": {"x": {"object": {"y": "a"}}}}, "x"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message.replace("{", r"\{").replace("}", r"\}")):
        a_map(events=[rule(properties={"x": spec})])
