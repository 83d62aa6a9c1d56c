"""Files that nobody should import: each ends with an error that says what is wrong, or with every row
accounted for, as an event or as a failed event with its line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import zipfile
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from kizuna.ingest import readers
from kizuna.ingest.failures import ALWAYS_FITS
from kizuna.ingest.map_file import MapFile
from kizuna.schemas.codec import MAX_ITEM_BYTES
from kizuna.schemas.errors import ConfigurationError
from tests.importing import Imported, a_map, import_file, import_text, rule
from tests.naughty import STRINGS

KEPT = a_map(events=[rule(natural_key=["x"], properties={"x": "x", "y": "y"})])
JSON = a_map(events=[rule(properties={"x": "x", "y": {"column": "y", "type": "json"}})])


def encoded(encoding: str, **format_: Any) -> MapFile:
    return a_map(events=[rule(properties={"x": "x", "y": "y"})], format={"encoding": encoding, **format_})


def as_csv(values: tuple[str, ...] | list[str]) -> str:
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("x", "y"), *enumerate(values)])
    return file.getvalue()


def as_lines(values: tuple[str, ...] | list[str]) -> str:
    return "\n".join(json.dumps({"x": str(number), "y": value}) for number, value in enumerate(values))


def accounted(imported: Imported, rows: int) -> bool:
    failed = imported.failed
    assert all(one["reason"] and one["line"] for one in failed)
    assert len({one["failed_id"] for one in failed}) == len(failed)
    assert (imported.report.events, imported.report.failed) == (len(imported.events), len(failed))
    return len(imported.events) + len(failed) == imported.report.rows == rows


# Texts


@pytest.mark.parametrize("name", ["rows.csv", "rows.ndjson"])
def test_naughty_strings_come_in_as_they_stand_in_the_file(tmp_path: Path, name: str) -> None:
    text = as_csv(STRINGS) if name == "rows.csv" else as_lines(STRINGS)
    imported = import_text(tmp_path, text, KEPT, name)
    assert accounted(imported, len(STRINGS))
    kept = {int(one["x"]): one.get("y", "") for one in imported.properties}
    # The mark of what is no text cannot be told from itself.
    refused = {STRINGS[number] for number in range(len(STRINGS)) if number not in kept}
    assert refused == ({"\U0010ffff"} if name == "rows.csv" else set())
    assert all(value == STRINGS[number] for number, value in kept.items())


TYPED: dict[str, dict[str, Any]] = {
    "ids": {"ids": {"user_id": "y", "email": "y"}},
    "around": {"entities": [{"kind": "order", "id": "y"}], "channel": "y", "place": {"store": "y"}},
    "integer": {"properties": {"x": "x", "y": {"column": "y", "type": "integer"}}},
    "decimal": {"properties": {"x": "x", "y": {"column": "y", "type": "decimal", "times": -1}}},
    "boolean": {"properties": {"x": "x", "y": {"column": "y", "type": "boolean"}}},
    "date": {"properties": {"x": "x", "y": {"column": "y", "type": "date"}}},
    "json": {"properties": {"x": "x", "y": {"column": "y", "type": "json"}}},
    "moment": {"occurred_at": "y"},
    "moment of a form": {"occurred_at": {"column": "y", "format": ["%Y-%m-%d", "%d/%m/%Y %H:%M"]}},
    "template": {"properties": {"x": {"template": "{x} {{}} {y}"}}},
    "condition": {"when": {"column": "y", "gt": 5}},
    "key": {"natural_key": ["y"], "properties": {"y": "y"}},
    "group": {"group_by": ["y"], "properties": {"y": "y", "n": {"column": "x", "pick": "count"}}},
}  # fmt: skip


@pytest.mark.parametrize("name", ["rows.csv", "rows.ndjson"])
@pytest.mark.parametrize("parts", TYPED)
def test_naughty_strings_in_every_part_of_a_rule(tmp_path: Path, parts: str, name: str) -> None:
    text = as_csv(STRINGS) if name == "rows.csv" else as_lines(STRINGS)
    imported = import_text(tmp_path, text, a_map(events=[rule(**TYPED[parts])]), name)
    assert imported.events
    assert accounted(imported, len(STRINGS))


@pytest.mark.parametrize(
    "value",
    [
        "NaN", '{"a": NaN}', "-Infinity", "[1e999]", "9" * 10_000, "9" * 30, '{"a": 1,}', "{", "'a'", "01",
        "[" * 500 + "]" * 500, "[" * 5_000 + "]" * 5_000, '{"a": 1, "a": 2}', '"\\ud800"', "// 1", "\ufeff1",
        "1 2",
    ],
    ids=count(1),
)  # fmt: skip
def test_a_column_of_json_is_as_strict_as_any_item(tmp_path: Path, value: str) -> None:
    imported = import_text(tmp_path, as_csv(['{"a": [1]}', value]), JSON)
    assert imported.properties == [{"x": "0", "y": {"a": [1]}}]
    assert accounted(imported, 2)
    assert imported.failed[0]["line"] == 3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"x": 1, "x": 2}', 'the member "x" stands twice'),
        ('{"x": 1, "own": {"a": 1, "a": 1}}', 'the member "a" stands twice'),
        ('{"x": ' + "[" * 100_000 + "]" * 100_000 + "}", "depth"),
        ('{"x": ' + "9" * 10_000 + "}", "infinity"),
        ('{"x": 1e999999}', "infinity"),
        ('{"x": NaN}', "no JSON"),
        ('{"x": "\\ud800"}', "surrogate"),
        ('{"x": 1}}', "no JSON"),
        ('{"x": 1', "no JSON"),
        ('[{"x": 1}]', "no JSON object"),
        ("\x00", "no JSON"),
    ],
    ids=count(1),
)
def test_a_line_that_is_no_item_fails_alone(tmp_path: Path, line: str, words: str) -> None:
    imported = import_text(tmp_path, f'{{"x": 0}}\n{line}\n{{"x": 9}}\n', KEPT, "rows.ndjson")
    assert [one["x"] for one in imported.properties] == ["0", "9"]
    assert accounted(imported, 3)
    assert words in imported.failed[0]["reason"]
    assert imported.failed[0]["item"] == (line if len(line) <= MAX_ITEM_BYTES else line[:ALWAYS_FITS])


# Encodings


def test_rows_of_other_encodings_fail_alone(tmp_path: Path) -> None:
    rows = [
        "x,y\n1,予約\n".encode(),
        "2,予約\n".encode("cp932"),
        b"3,\xc0\xaf\n",
        b"4,\xed\xa0\x80\n",
        b"5,ok\n",
    ]
    imported = import_text(tmp_path, b"".join(rows), KEPT)
    assert sorted(one["x"] for one in imported.properties) == ["1", "5"]
    assert [(one["line"], one["reason"]) for one in imported.failed] == [
        (line, "has bytes that are not utf-8") for line in (3, 4, 5)
    ]
    assert accounted(imported, 5)


def test_utf_16_within_utf_8_is_accounted_for(tmp_path: Path) -> None:
    imported = import_text(tmp_path, b"x,y\n1,a\n" + "2,予\n".encode("utf-16") + b"\n3,c\n", KEPT)
    assert {"x": "1", "y": "a"} in imported.properties
    assert len(imported.events) + len(imported.failed) == imported.report.rows


@pytest.mark.parametrize(
    ("content", "encoding", "name", "words"),
    [
        ("x,y\n1,a\n".encode("utf-16"), "utf-8", "rows.csv", "the names of its columns are no text"),
        ("x,予\n1,a\n".encode("cp932"), "utf-8", "rows.csv", "the names of its columns are no text"),
        (b"x,y\n1,a\n", "utf-16", "rows.csv", "does not start with BOM"),
        (b'{"x": 1}\n', "utf-16", "rows.ndjson", "does not start with BOM"),
    ],
)
def test_a_file_of_another_encoding_is_told(
    tmp_path: Path, content: bytes, encoding: str, name: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        import_text(tmp_path, content, encoded(encoding), name)


@pytest.mark.parametrize(
    "encoding",
    ["utf-7", "unicode_escape", "Raw_Unicode_Escape", "idna", "punycode", "rot13", "hex", "nope", "\x00"],
)
def test_what_is_no_encoding_of_files_is_told(encoding: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no such encoding|encoding"):
        encoded(encoding)


def test_half_a_character_at_the_end(tmp_path: Path) -> None:
    imported = import_text(tmp_path, "x,y\n1,a\n2,b".encode("utf-16")[:-1], encoded("utf-16"))
    assert imported.properties == [{"x": "1", "y": "a"}]
    assert accounted(imported, 2)


# Forms


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("rows", ['1,"a\n2,b\n3,c', '1,a\n2,"b\n3', '1\n2,"b', '1,a\n"'])
def test_a_quote_that_is_never_closed_swallows_nothing(tmp_path: Path, rows: str, end: str) -> None:
    line = 2 + rows[: rows.index('"')].count("\n")
    with pytest.raises(ConfigurationError, match=rf"row of line {line} is not closed"):
        import_text(tmp_path, f"x,y\n{rows}{end}", KEPT)


@pytest.mark.parametrize(
    "rows", ['1,"a"\n2,"b\n"', '1,a"b\n2,"""c"', '1,"a"b\n2,""', "1,a\n2,b\n\n\n", '1,"\n"\n2,']
)
def test_quotes_that_are_closed_or_stand_within(tmp_path: Path, rows: str) -> None:
    for end in ("", "\n", "\r\n"):
        folder = tmp_path / f"end{len(end)}"
        folder.mkdir()
        imported = import_text(folder, f"x,y\n{rows}{end}", KEPT)
        assert (sorted(one["x"] for one in imported.properties), imported.failed) == (["1", "2"], [])


def test_one_column_and_a_quote(tmp_path: Path) -> None:
    one = a_map(events=[rule(properties={"x": "x"})])
    assert import_text(tmp_path, "x\na\n", one).properties == [{"x": "a"}]
    with pytest.raises(ConfigurationError, match="row of line 2 is not closed"):
        import_text(tmp_path, 'x\n"a\n', one)


@pytest.mark.parametrize("content", ["x,y", "x,y\n", "x,y\r\n", "\ufeffx,y\n", '"x","y"\n\n\n'])
def test_a_header_alone_is_a_file_without_rows(tmp_path: Path, content: str) -> None:
    imported = import_text(tmp_path, content, KEPT)
    assert (imported.report.rows, imported.events, imported.failed) == (0, [], [])


def test_a_header_of_several_lines(tmp_path: Path) -> None:
    both = a_map(events=[rule(properties={"x": "x", "y": "two\nlines"})], format={"skip_lines": 1})
    imported = import_text(tmp_path, 'head\nx,"two\nlines"\n1,a\n2\n', both)
    assert imported.properties == [{"x": "1", "y": "a"}]
    assert [one["line"] for one in imported.failed] == [5]


def test_nul_bytes_are_text(tmp_path: Path) -> None:
    imported = import_text(tmp_path, b"x,y\n1,a\x00b\n\x002,\x00\n", KEPT)
    assert imported.properties == [{"x": "1", "y": "a\x00b"}, {"x": "\x002", "y": "\x00"}]


def test_a_row_of_very_many_values_fails_alone(tmp_path: Path) -> None:
    imported = import_text(tmp_path, "x,y\n1,a\n" + "," * 100_000 + "\n3,c\n", KEPT)
    assert accounted(imported, 3)
    assert imported.failed[0]["reason"] == "100001 values in 2 columns"


def test_more_columns_than_a_file_may_have_are_told(tmp_path: Path) -> None:
    names = ",".join(f"c{number}" for number in range(100_000))
    with pytest.raises(ConfigurationError, match="has 100,002 columns, of at most 2,000"):
        import_text(tmp_path, f"{names},x,y\n", KEPT)


def test_lines_of_a_megabyte_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_text(('{"x": "' + "y" * 900_000 + '"}\n') * 20)
    batches = [batch for batch, _, _ in readers.open_file(path, KEPT.map.format).batches()]
    assert sum(batch.num_rows for batch in batches) == 20
    assert max(batch.nbytes for batch in batches) < 8_000_000


def test_very_many_bad_rows_take_no_time(tmp_path: Path) -> None:
    imported = import_text(tmp_path, "x,y\n" + "1\n" * 30_000, KEPT)
    assert accounted(imported, 30_000)
    assert imported.report.seconds < 20


def test_a_row_longer_than_a_block_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a row is longer than 4,194,304 bytes"):
        import_text(tmp_path, "x,y\n1," + "a" * 10_000_000 + "\n2,b\n", KEPT)


# Files


@pytest.mark.parametrize("name", ["rows.csv", "rows.ndjson", "rows.csv.gz", "rows.xlsx"])
def test_packed_files_are_not_unpacked(tmp_path: Path, name: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("rows.csv", "x,y\n" + "1,a\n" * 100_000)
    for content, form in ((gzip.compress(b"x,y\n1,a\n"), "gzip"), (packed.getvalue(), "zip")):
        with pytest.raises(ConfigurationError, match=rf"is packed \({form}\)\. Unpack it first"):
            import_text(tmp_path, content, KEPT, name)


@pytest.mark.parametrize("name", ["rows.csv", "rows.ndjson", "rows.parquet"])
def test_what_is_no_file_is_told_at_once(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / name).mkdir()
    (tmp_path / "pipe").mkdir()
    os.mkfifo(tmp_path / "pipe" / name)
    (tmp_path / "device").mkdir()
    (tmp_path / "device" / name).symlink_to("/dev/zero")
    for kind in ("folder", "pipe", "device"):
        with pytest.raises(ConfigurationError, match="is no file"):
            import_file(tmp_path / kind / name, KEPT, tmp_path / "imports")
