"""Files as they come: encodings, delimiters, bad rows, every format."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from kizuna.ingest import readers
from kizuna.ingest.map_file import MapFile
from kizuna.ingest.maps import Format
from kizuna.schemas.errors import ConfigurationError
from tests.importing import a_map, import_file, import_text, rule

XY = [rule(natural_key=["x"], properties={"x": "x", "y": "y"})]


def relation(query: str) -> duckdb.DuckDBPyRelation:
    found = duckdb.sql(query)
    assert found is not None
    return found


def xy(**format_: object) -> MapFile:
    return a_map(events=XY, format=format_)


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        ("x,y\n1,a\n2,b\n", {}),
        ("x,y\r\n1,a\r\n2,b", {}),
        ("\ufeffx,y\n1,a\n2,b\n", {}),
        ("x;y\n1;a\n2;b\n", {"delimiter": ";"}),
        ("x\ty\n1\ta\n2\tb\n", {"delimiter": "\t"}),
        ("'x','y'\n'1','a'\n2,b\n", {"quote": "'"}),
        ("y,z,x\na,0,1\nb,0,2\n", {}),
        ("made by a till\n\nx,y\n1,a\n2,b\n", {"skip_lines": 2}),
        ("1,a\n2,b\n", {"columns": ["x", "y"]}),
        ("head\n1,a\n2,b\n", {"columns": ["x", "y"], "skip_lines": 1}),
    ],
)
def test_csv_as_it_is_written(tmp_path: Path, content: str, format_: dict[str, object]) -> None:
    imported = import_text(tmp_path, content, xy(**format_))
    assert sorted(imported.properties, key=str) == [{"x": "1", "y": "a"}, {"x": "2", "y": "b"}]
    assert imported.failed == []


@pytest.mark.parametrize("encoding", ["utf-8", "cp932", "euc_jp", "utf-16"])
@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_encodings(tmp_path: Path, encoding: str, ending: str) -> None:
    text = "x,y\n1,予約・髪\n" if ending == "csv" else '{"x": "1", "y": "予約・髪"}\n'
    imported = import_text(tmp_path, text.encode(encoding), xy(encoding=encoding), f"rows.{ending}")
    assert imported.properties == [{"x": "1", "y": "予約・髪"}]


@pytest.mark.parametrize("ending", ["csv", "ndjson"])
def test_bytes_that_are_no_text_fail_their_row_alone(tmp_path: Path, ending: str) -> None:
    rows = b"x,y\n1,a\n2,\xff\xfe\n" if ending == "csv" else b'{"x":1,"y":"a"}\n{"x":2,"y":"\xff\xfe"}\n'
    imported = import_text(tmp_path, rows, xy(), f"rows.{ending}")
    assert imported.properties == [{"x": "1", "y": "a"}]
    (failed,) = imported.failed
    assert failed["reason"] == "has bytes that are not utf-8"
    assert "\ufffd" in failed["item"]
    assert failed["line"] == (3 if ending == "csv" else 2)


def test_values_with_line_ends_and_quotes(tmp_path: Path) -> None:
    imported = import_text(tmp_path, 'x,y\n1,"two\nlines, ""quoted"""\n', xy())
    assert imported.properties == [{"x": "1", "y": 'two\nlines, "quoted"'}]


def test_rows_with_too_few_or_many_values_fail_with_their_lines(tmp_path: Path) -> None:
    imported = import_text(tmp_path, "x,y\n1,a\n2\n3,c\n4,d,e\n5,f\n6\n", xy())
    assert sorted(one["x"] for one in imported.properties) == ["1", "3", "5"]
    assert [(one["line"], one["item"], one["reason"]) for one in imported.failed] == [
        (3, "2", "1 values in 2 columns"),
        (5, "4,d,e", "3 values in 2 columns"),
        (7, "6", "1 values in 2 columns"),
    ]
    assert imported.report.rows == 6


@pytest.mark.parametrize("block", [64, 4 << 20])
def test_lines_are_those_of_the_file_whatever_stands_in_the_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """The truth comes from writing: each row says on which line it was begun."""
    monkeypatch.setattr(readers, "_BLOCK", block)
    text, bad, line = "x,y\n", [], 2
    for number in range(60):
        row = ['a,"b"\n', 'a,"b\nc\n"\n', "\n", f'a,b,"to{number}o\nmany"\n', '"a\r\n",b\n'][number * 7 % 5]
        row = row.replace("a", f"line {line}", 1)
        if "many" in row:
            bad.append(line)
        text += row
        line += row.count("\n")
    path = tmp_path / "rows.csv"
    path.write_bytes(text.encode())
    lines, failed = [], []
    for batch, rows, _ in readers.CsvReader(path, Format()).batches():
        lines += batch.column("line").to_pylist()
        assert [f"line {at}" for at in batch.column("line").to_pylist()] == [
            value.strip() for value in batch.column("c0").to_pylist()
        ]
        failed += [one.line for one in rows]
    assert failed == bad
    assert len(lines) == 60 - len(bad) - text.count("\n\n")


def test_equal_bad_rows_are_failures_of_their_own(tmp_path: Path) -> None:
    imported = import_text(tmp_path, "x,y\n1\n1\n", xy())
    assert len({one["failed_id"] for one in imported.failed}) == 2


def test_lines_stay_right_over_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_BLOCK", 4_096)
    rows = [f"{number},value {number}" if number % 97 else str(number) for number in range(2, 5_000)]
    imported = import_text(tmp_path, "x,y\n" + "\n".join(rows) + "\n", xy())
    bad = [number for number in range(2, 5_000) if number % 97 == 0]
    assert sorted(one["line"] for one in imported.failed) == bad
    assert len(imported.events) == len(rows) - len(imported.failed)


@pytest.mark.parametrize(("content", "rows"), [("x,y\n", 0), ("x,y", 0)])
def test_a_file_without_rows(tmp_path: Path, content: str, rows: int) -> None:
    assert import_text(tmp_path, content, xy()).report.rows == rows


def test_ndjson_and_what_is_none(tmp_path: Path) -> None:
    lines = [
        '{"x": 1, "y": {"deep": true}}',
        "",
        '{"x": 2}',
        "{",
        "[1]",
        '{"x": NaN}',
        '{"y": null, "x": "3"}',
    ]
    imported = import_text(tmp_path, "\n".join(lines), xy(), "rows.ndjson")
    assert sorted(imported.properties, key=str) == [{"x": "1", "y": '{"deep":true}'}, {"x": "2"}, {"x": "3"}]
    failed = sorted((one["line"], one["item"]) for one in imported.failed)
    assert failed == [(4, "{"), (5, "[1]"), (6, '{"x": NaN}')]
    assert imported.report.rows == 6


def test_ndjson_columns_may_lie_deep(tmp_path: Path) -> None:
    events = [
        rule(ids={"email": "customer.email"}, properties={"n": {"column": "order.n", "type": "integer"}})
    ]
    text = '{"customer": {"email": "A@example.com"}, "order": {"n": 7}}\n'
    (event,) = import_text(tmp_path, text, a_map(events=events), "rows.jsonl").events
    assert event["ids"] == [{"kind": "email", "value": "a@example.com"}]
    assert event["properties"] == {"n": 7}


def test_a_line_of_ndjson_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "MAX_LINE", 100)
    text = json.dumps({"x": "1" * 1_000}) + '\n{"x": 2}\n'
    imported = import_text(tmp_path, text, xy(), "rows.ndjson")
    assert [one["line"] for one in imported.failed] == [1]
    assert imported.properties == [{"x": "2"}]


def test_parquet_is_read_as_its_texts(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    relation(
        "SELECT 1 AS n, 6.95::DOUBLE AS price, TIMESTAMP '2026-01-02 03:04:05' AS at, true AS paid,"
        " NULL::VARCHAR AS nothing, 1.50::DECIMAL(9,2) AS exact, DATE '2026-01-02' AS day,"
        " 13085.0::DOUBLE AS id"
    ).write_parquet(str(path))
    properties = {name: name for name in ("n", "price", "paid", "nothing", "exact", "day")}
    events = [
        rule(occurred_at="at", ids={"user_id": {"column": "id", "type": "integer"}}, properties=properties)
    ]
    imported = import_file(path, a_map(events=events), tmp_path / "imports")
    (event,) = imported.events
    assert event["occurred_at"] == "2026-01-02T03:04:05.000000Z"
    assert event["ids"] == [{"kind": "user_id", "value": "13085"}]
    assert event["properties"] == {
        "n": "1",
        "price": "6.95",
        "paid": "true",
        "exact": "1.50",
        "day": "2026-01-02",
    }


def test_the_same_rows_in_any_format_are_the_same_events(tmp_path: Path) -> None:
    table = relation("SELECT range::VARCHAR AS x, 'value ' || (range % 3) AS y FROM range(20)")
    table.write_parquet(str(tmp_path / "rows.parquet"))
    table.write_csv(str(tmp_path / "rows.csv"))
    rows = [json.dumps({"x": x, "y": y}) for x, y in table.fetchall()]
    (tmp_path / "rows.ndjson").write_text("\n".join(rows))
    found = {
        ending: [
            (event["event_id"], event["body_hash"])
            for event in import_file(tmp_path / f"rows.{ending}", xy(), tmp_path / "imports").events
        ]
        for ending in ("parquet", "csv", "ndjson")
    }
    assert found["parquet"] == found["csv"] == found["ndjson"]
    assert len(found["csv"]) == 20


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.csv", "", r"rows\.csv is no csv file: it is empty"),
        ("rows.csv", "x,y,x\n1,2,3\n", "has two columns x"),
        ("rows.parquet", "x", r"rows\.parquet is no parquet file"),
        ("rows.xlsx", "x", "of what kind"),
        ("rows.csv", "x\n1\n", "the file has no column y"),
    ],
)
def test_a_file_that_will_not_do_is_told(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        import_text(tmp_path, content, xy(), name)


def test_a_file_that_breaks_off_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "_BLOCK", 4_096)
    rows = "".join(f"{number},text\n" for number in range(2_000))
    with pytest.raises(ConfigurationError, match="cannot be read behind row"):
        import_text(tmp_path, f'x,y\n{rows}1,"not closed\n{rows}', xy())
    table = relation("SELECT range AS x, md5(range::VARCHAR) AS y FROM range(200000)")
    table.write_parquet(str(tmp_path / "rows.parquet"))
    raw = bytearray((tmp_path / "rows.parquet").read_bytes())
    raw[1_000:60_000] = b"x" * 59_000
    with pytest.raises(ConfigurationError, match="cannot be read behind row"):
        import_text(tmp_path, bytes(raw), xy(), "rows.parquet")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for ending in ("csv", "ndjson", "parquet"):
        with pytest.raises(ConfigurationError, match="Cannot read"):
            import_file(tmp_path / f"none.{ending}", xy(), tmp_path / "imports")


def test_the_kind_of_file_may_be_told(tmp_path: Path) -> None:
    imported = import_text(tmp_path, '{"x": 1}\n', xy(kind="ndjson"), "rows.txt")
    assert imported.properties == [{"x": "1"}]
