"""JSON in and out: strict, exact, and one canonical text."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orjson import Fragment

from kizuna.schemas import codec
from kizuna.schemas.codec import MAX_DEPTH, MAX_ITEM_BYTES, MAX_WIDTH
from kizuna.schemas.refusal import Refusal

exact_numbers = st.integers(-(2**63), 2**63 - 1)
scalars = st.none() | st.booleans() | exact_numbers | st.text(max_size=30)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


def nested(levels: int) -> object:
    value: object = []
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def other_form(value: object, chance: random.Random) -> object:
    """The same value: members in another order, whole numbers that a float holds exactly as floats."""
    if isinstance(value, dict):
        members = [(key, other_form(child, chance)) for key, child in value.items()]
        chance.shuffle(members)
        return dict(members)
    if isinstance(value, list):
        return [other_form(child, chance) for child in value]
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and float(value) == value
        and abs(value) < 2**62
    ):
        return float(value) if int(float(value)) == value else value
    return value


@pytest.mark.parametrize(
    "raw", [b"NaN", b"[Infinity]", b'"\\ud800"', b"{", b"", b"01", b"[1,]", b"\xff", b'"\x00"']
)
def test_what_is_not_strict_json_is_an_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"line|column|utf|UTF|JSON"):
        codec.loads(raw)


@given(trees)
def test_values_survive_text(value: object) -> None:
    assert codec.loads(codec.dumps(value)) == value


@given(trees)
def test_canonical_text_is_that_of_the_standard_library(value: object) -> None:
    """For everything but floats, whose text differs between libraries."""
    expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert codec.canonical(value) == expected


@given(trees, st.randoms(use_true_random=False))
def test_the_hash_knows_neither_order_of_keys_nor_form_of_numbers(
    value: object, chance: random.Random
) -> None:
    assert codec.canonical(other_form(value, chance)) == codec.canonical(value)


@given(trees, trees)
def test_different_values_have_different_text(one: object, other: object) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (codec.canonical(one) == codec.canonical(other)) == same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("[1.0]", "[1]"),
        ("[1e2]", "[100]"),
        ("[1e16]", "[10000000000000000]"),
        ("[1.5e17]", "[150000000000000000]"),
        ("[-0.0]", "[0]"),
        ("[0.10]", "[0.1]"),
        ('{"a":2.0,"b":"x"}', '{"b":"x","a":2}'),
    ],
)
def test_numbers_of_one_value_have_one_text(one: str, other: str) -> None:
    assert codec.canonical(codec.loads(one)) == codec.canonical(codec.loads(other))


def test_the_body_hash_is_sha256_of_canonical_json() -> None:
    text = b'{"ids":[["user_id","C-1"]],"properties":{"a":1,"b":"\xc3\xa9"},"type":"custom.x"}'
    properties = codec.canonical({"b": "é", "a": 1.0})
    assert isinstance(properties, bytes)
    body = {"type": "custom.x", "properties": Fragment(properties), "ids": [["user_id", "C-1"]]}
    assert codec.body_hash(body) == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize(
    "value",
    [
        nested(MAX_DEPTH),
        [0] * MAX_WIDTH,
        [[1, 2], [3, 4]] * (MAX_WIDTH // 2),
        {"a": [[]] * 40},
        2**64 - 1,
        -(2**63),
        9e18,
        1e-300,
        {"mac": "5e12:3e45"},
        "null",
        "NUL \x00 in text",
    ],
)
def test_what_can_be_kept_passes(value: object) -> None:
    assert codec.check(value) is None


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (nested(MAX_DEPTH + 1), "too_large"),
        ([[nested(MAX_DEPTH)]], "too_large"),
        (nested(5_000), "invalid_json"),
        ([0] * (MAX_WIDTH + 1), "too_large"),
        ({str(n): 0 for n in range(MAX_WIDTH + 1)}, "too_large"),
        ("x" * MAX_ITEM_BYTES, "too_large"),
        (2.0**63, "invalid_json"),
        (-1e300, "invalid_json"),
        (2**64, "invalid_json"),
        (-(2**63) - 1, "invalid_json"),
        (float("nan"), "invalid_json"),
        ({"a": [float("inf")]}, "invalid_json"),
        ("\ud800", "invalid_json"),
        ({1: 2}, "invalid_json"),
        (object(), "invalid_json"),
    ],
)
def test_what_could_not_be_kept_is_refused(value: object, code: str) -> None:
    refusal = codec.check(value)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert codec.canonical(value) == refusal


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@given(value=st.text(st.characters(codec="utf-8"), max_size=40))
def test_duckdb_reads_every_text_back_as_it_was(database: duckdb.DuckDBPyConnection, value: str) -> None:
    """NUL and other control characters included: this is why `check` lets them pass."""
    text = f"before{value}\x00after"
    raw = codec.dumps({"a": text, "b": 1}).decode()
    query = 'SELECT ?::JSON ->> \'a\', from_json(?, \'{"a": "VARCHAR", "b": "INTEGER"}\')'
    assert database.execute(query, [raw, raw]).fetchall() == [(text, {"a": text, "b": 1})]


def members(depth: int) -> st.SearchStrategy[str]:
    """JSON objects as texts, with few names and many colons, so that members of one name meet."""
    names = st.sampled_from(['"a"', '"b"', '":"', '"\\u0061"', '"\\u003a"', '"c:"'])
    inner = st.sampled_from(["1", "null", '"x"', '":"', '"\\u003A:"', "[]"])
    if depth:
        inner = inner | members(depth - 1) | members(depth - 1).map("[{}]".format)
    pair = st.tuples(names, inner).map(" : ".join)
    return st.lists(pair, max_size=3).map(lambda pairs: "{" + ",".join(pairs) + "}")


def objects(pairs: list[tuple[str, object]]) -> object:
    assert len({name for name, _ in pairs}) == len(pairs)
    return pairs


@given(members(2))
def test_members_of_one_name_are_found_wherever_they_stand(text: str) -> None:
    raw = text.encode()
    try:
        json.loads(text, object_pairs_hook=objects)
        twice = False
    except AssertionError:
        twice = True
    found = codec.repeated_member(raw) if codec.may_repeat(raw, codec.loads(raw)) else None
    assert (found is not None) == twice


def test_members_deeper_than_anybody_reads_are_nobodys() -> None:
    raw = ('{"a":' * 1_000 + "1" + "}" * 1_000).encode()
    assert codec.may_repeat(raw, codec.loads(raw))
    assert codec.repeated_member(raw) is None
