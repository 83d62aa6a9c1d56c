"""The members of an array are found as they were written, whatever is in them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kizuna.ingest.items import parse

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.sampled_from([0.5, 1e300])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
written = st.tuples(values, st.sampled_from([None, 1]), st.booleans()).filter(
    lambda one: (
        not any(0xD800 <= ord(character) < 0xE000 for character in json.dumps(one[0], ensure_ascii=False))
    )
)
spaces = st.text(" \t\r\n", max_size=3)


@given(st.lists(st.tuples(written, spaces, spaces), max_size=5), spaces)
def test_every_member_keeps_its_text(
    members: list[tuple[tuple[Any, int | None, bool], str, str]], space: str
) -> None:
    texts = [
        json.dumps(value, indent=indent, ensure_ascii=ascii_) for (value, indent, ascii_), _, _ in members
    ]
    padded = [f"{before}{text}{after}" for text, (_, before, after) in zip(texts, members, strict=True)]
    items = parse(f"{space}[{','.join(padded) or space}]{space}".encode(), b"", 100)
    assert list(items.values) == [value for (value, _, _), _, _ in members]
    assert items.texts() == texts or not texts
