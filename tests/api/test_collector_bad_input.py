"""What nobody should send to the collector, and what it answers: an error that says what is wrong, or an item
that is refused and kept, while the others around it are taken."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from kizuna.eventlog.partitioner import MAX_RECORD_BYTES
from kizuna.ingest.body import Limits
from kizuna.ingest.failures import ALWAYS_FITS
from kizuna.schemas.codec import MAX_ITEM_BYTES
from tests.api.collector_node import CollectorNode, collector_node, page
from tests.naughty import STRINGS


@pytest.fixture
def node(tmp_path: Path) -> Iterator[CollectorNode]:
    with collector_node(tmp_path) as node:
        yield node


def custom(properties: str) -> str:
    return '{"type": "custom.x", "properties": ' + properties + "}"


BAD_ITEMS = {
    "deep": custom('{"x": ' + "[" * 60 + "]" * 60 + "}"),
    "as deep as JSON goes": custom('{"x": ' + "[" * 1_000 + "]" * 1_000 + "}"),
    "deep objects": custom('{"x": ' + '{"x":' * 300 + "1" + "}" * 301),
    "wide object": custom(json.dumps({str(number): 1 for number in range(10_001)})),
    "wide list": custom(json.dumps({"x": [[]] * 10_001})),
    "wide around": json.dumps({"type": "custom.x", **{f"x{number}": 1 for number in range(10_000)}}),
    "long": custom(json.dumps({"x": "y" * 600_000})),
    "beyond 64 bits": custom('{"x": 18446744073709551616}'),
    "far beyond": custom('{"x": ' + "9" * 300 + "}"),
    "large float": custom('{"x": 1e300}'),
    "huge version": '{"type": "custom.x", "version": ' + "9" * 300 + "}",
    "twice at the top": '{"type": "custom.x", "type": "custom.y"}',
    "twice within": custom('{"a": {"b": 1, "b": 1}}'),
    "twice in a list": custom('{"a": [{"b": 1, "c": {}, "b": null}]}'),
    "twice by an escape": custom('{"a": 1, "\\u0061": 2, "b": "\\u003a"}'),
    "no text": "[]",
}


@pytest.mark.parametrize("name", BAD_ITEMS)
def test_a_bad_item_is_kept_with_its_reason_and_harms_no_other(node: CollectorNode, name: str) -> None:
    raw = BAD_ITEMS[name]
    first, bad, last = node.results(f"[{json.dumps(page())}, {raw} ,{json.dumps(page())}]")
    assert (first["code"], last["code"]) == ("accepted", "accepted")
    assert bad["code"] in ("invalid", "invalid_json", "too_large")
    assert bad["reason"]
    (failed,) = node.failed
    assert failed["item"] == (raw if len(raw) <= MAX_ITEM_BYTES else raw[:ALWAYS_FITS])
    assert failed["reason"] == bad["reason"]
    assert len(node.events) == 2


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_a_member_that_stands_twice_is_named(node: CollectorNode, content_type: str) -> None:
    raw = '{"type": "custom.x", "properties": {"total": 1, "total": 2}}'
    (result,) = node.results(raw, content_type=content_type)
    assert (result["code"], result["reason"]) == (
        "invalid_json",
        'the member "total" stands twice in one object',
    )


@pytest.mark.parametrize(
    "properties",
    [
        '{"a": {"x": 1}, "b": {"x": 1}}',
        '{"a": "x:y", "b:c": ":"}',
        '{"a": "\\u003a", "b": "\\u003A"}',
        '{":": {}}',
    ],
)
def test_members_of_one_name_in_several_objects_and_colons_in_texts_are_fine(
    node: CollectorNode, properties: str
) -> None:
    assert node.results(custom(properties))[0]["code"] == "accepted"
    assert node.events[0]["properties"] == json.loads(properties)


def test_an_item_within_every_limit_but_too_large_for_the_log_is_refused_alone(node: CollectorNode) -> None:
    half = {"x": "y" * 520_000}
    large = page(properties=half, context=half, message_id="m")
    results = node.results([page(), large])
    assert [result["code"] for result in results] == ["accepted", "too_large"]
    assert f"{MAX_RECORD_BYTES:,}" in results[1]["reason"]
    assert (len(node.events), len(node.failed)) == (1, 1)


def test_a_failed_item_of_control_characters_fits_into_the_log(node: CollectorNode) -> None:
    (result,) = node.results(json.dumps({"type": "custom.x", "x": "\x01" * 600_000}))
    assert result["code"] == "invalid"
    assert len(node.failed[0]["item"]) == 100_000


@pytest.mark.parametrize(
    ("digits", "code"),
    [
        ("0e-999999", "accepted"),
        ("1e-999999", "invalid"),
        ("1e999999", "invalid"),
        ("0e999999999999", "accepted"),
    ],
)
def test_no_number_is_written_out_longer_than_it_came(node: CollectorNode, digits: str, code: str) -> None:
    deal = {"deal_id": "D-1", "probability": digits, "amount": 0, "currency": "JPY"}
    (result,) = node.results({"type": "deal.created", "properties": deal})
    assert result["code"] == code
    if code == "accepted":
        assert node.events[0]["properties"]["probability"] == "0"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("[" * 1_000_000, "depth"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "depth"),
        (custom('{"x": NaN}'), "expected a JSON value"),
        (custom('{"x": -Infinity}'), "no digit"),
        (custom('{"x": ' + "9" * 10_000 + "}"), "infinity"),
        (custom('{"x": 1e999999}'), "infinity"),
        (custom('{"x": "\\ud800"}'), "surrogate"),
        (custom('{"x": "\\udc00\\ud800"}'), "surrogate"),
        (custom('{"x": "a\nb"}'), "control character"),
        (custom('{"x": 01}'), "leading zero"),
        (json.dumps(page())[:-5], "end of data"),
        (json.dumps(page()).encode("utf-16"), "not UTF-8 at byte 1"),
        (json.dumps(page()).encode("utf-32"), "not UTF-8 at byte 1"),
        (custom('{"x": "予約"}').encode("cp932"), "not UTF-8 at byte 43"),
        (custom('{"x": "')[:-1].encode() + b'\xc0\xaf"}}', "not UTF-8 at byte 43"),
        (custom('{"x": "')[:-1].encode() + b'\xed\xa0\x80"}}', "not UTF-8 at byte 43"),
        (gzip.compress(gzip.compress(json.dumps(page()).encode())), "not UTF-8"),
    ],
    ids=count(1),
)  # fmt: skip
def test_a_body_that_is_no_json_is_told_why(node: CollectorNode, body: str | bytes, words: str) -> None:
    answer = node.post(body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "invalid_json")
    assert words in error["message"]
    assert node.events == node.failed == []


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip", "x" * 1_000, "\xff"])
def test_an_encoding_that_is_not_known_is_told(node: CollectorNode, encoding: str) -> None:
    answer = node.request(
        content=json.dumps(page()),
        headers=[(b"x-write-key", node.secret.encode()), (b"content-encoding", encoding.encode("latin-1"))],
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported_encoding")
    assert "gzip" in answer.json()["error"]["hint"]
    assert node.events == []


def test_plain_is_an_encoding(node: CollectorNode) -> None:
    assert node.post(page(), content_encoding="identity").status_code == 200
    assert node.post(gzip.compress(json.dumps(page()).encode()), content_encoding="x-gzip").status_code == 200


def test_gzip_of_very_many_members_takes_no_time(node: CollectorNode) -> None:
    began = time.process_time()
    answer = node.post(gzip.compress(b"") * 150_000, content_encoding="gzip")
    assert time.process_time() - began < 1
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_gzip")


@pytest.mark.parametrize("length", ["9" * 5_000, "-1", "1e3", "٣"])
def test_a_length_that_is_none_breaks_nothing(tmp_path: Path, length: str) -> None:
    with collector_node(tmp_path, Limits(body_bytes=1_000)) as node:
        headers = [(b"x-write-key", node.secret.encode()), (b"content-length", length.encode())]
        answer = node.request(content=json.dumps(page()), headers=headers)
        assert answer.status_code == (413 if length[0] == "9" else 200)


@pytest.mark.parametrize("header", ["authorization", "x-write-key", "content-type", "origin"])
def test_naughty_headers_break_nothing(node: CollectorNode, header: str) -> None:
    for text in STRINGS:
        value = text.encode()[:8_000].replace(b"\r", b"").replace(b"\n", b"")
        headers = {b"x-write-key": node.secret.encode(), header.encode(): value}
        answer = node.request(content=json.dumps(page()), headers=list(headers.items()))
        assert answer.status_code in (200, 401)
        assert answer.content


def test_naughty_queries_break_nothing(node: CollectorNode) -> None:
    for text in STRINGS:
        answer = node.request(
            content=json.dumps(page()), params={text[:2_000]: text[:2_000], "dry_run": "true"}
        )
        assert answer.status_code in (200, 400)
        assert answer.json()
    assert node.events == []
