"""Conditions of a map: which rows are meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kizuna.schemas.errors import ConfigurationError
from tests.importing import a_map, import_text, rule

ROWS = [
    ("1", "apple", "3"),
    ("2", "Apricot", "-1.50"),
    ("3", "", "10"),
    ("4", "it's 50%", ""),
    ("5", "true", "x"),
]


def meant(folder: Path, when: Any) -> str:
    """The numbers of the rows that a condition takes."""
    map_file = a_map(
        events=[rule(when=when, natural_key=["n"], properties={"n": "n"})], otherwise={"leave_out": "others"}
    )
    text = "n,name,amount\n" + "".join(f"{n},{name},{amount}\n" for n, name, amount in ROWS)
    imported = import_text(folder, text, map_file)
    found = sorted(one["n"] for one in imported.properties)
    assert imported.report.left_out == {"others": len(ROWS) - len(found)}
    return "".join(found)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"column": "name", "eq": "apple"}, "1"),
        ({"column": "name", "ne": "apple"}, "245"),
        ({"not": {"column": "name", "eq": "apple"}}, "2345"),
        ({"column": "name", "eq": "it's 50%"}, "4"),
        ({"column": "name", "in": ["apple", "Apricot", "pear"]}, "12"),
        ({"column": "name", "starts_with": "Ap"}, "2"),
        ({"column": "name", "ends_with": "%"}, "4"),
        ({"column": "name", "contains": "p"}, "12"),
        ({"column": "name", "regex": "(?i)^ap"}, "12"),
        ({"column": "name", "regex": "^A|e$"}, "125"),
        ({"column": "name", "empty": True}, "3"),
        ({"column": "name", "empty": False}, "1245"),
        ({"column": "name", "eq": True}, "5"),
        ({"column": "name", "gte": "b"}, "45"),
        ({"column": "amount", "gt": 3}, "3"),
        ({"column": "amount", "gte": 3}, "13"),
        ({"column": "amount", "lt": 0}, "2"),
        ({"column": "amount", "lte": "10"}, "23"),  # as texts: -1.50 and 10
        ({"column": "amount", "eq": -1.5}, "2"),
        ({"column": "amount", "in": [3, 10]}, "13"),
        ({"column": "amount", "gt": -2, "lt": 5}, "12"),
        ({"not": {"column": "amount", "gt": 3}}, "1245"),
        ({"all": [{"column": "name", "contains": "p"}, {"column": "amount", "gt": 0}]}, "1"),
        ({"any": [{"column": "name", "eq": "apple"}, {"column": "amount", "eq": 10}]}, "13"),
        ({"not": {"any": [{"column": "n", "in": [1, 2]}, {"not": {"column": "n", "lt": 5}}]}}, "34"),
    ],
)
def test_a_condition_takes_its_rows(tmp_path: Path, when: Any, expected: str) -> None:
    assert meant(tmp_path, when) == expected


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({}, "give one of column, all, any, not"),
        ({"column": "a"}, "takes a comparison"),
        ({"eq": 1}, "give one of"),
        ({"all": []}, "all"),
        ({"all": [{"column": "a", "eq": 1}], "eq": 1}, "takes a comparison"),
        ({"column": "a", "equals": 1}, "is not known here"),
        ({"column": "a", "in": []}, "in"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(when: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        a_map(events=[rule(when=when)])


def test_a_bad_expression_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be applied"):
        meant(tmp_path, {"column": "name", "regex": "("})
