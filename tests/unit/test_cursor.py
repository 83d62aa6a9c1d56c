"""Cursors: opaque, bound to their question, harmless when made up."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.query import cursor

KEYS = st.lists(st.none() | st.text(), max_size=4)
QUESTIONS = st.lists(st.text() | st.integers(-(2**53), 2**53) | st.tuples(st.text(), st.text()), max_size=4)


@given(QUESTIONS, KEYS)
def test_a_cursor_gives_back_its_key_and_is_fit_for_an_address(
    question: list[object], key: list[str | None]
) -> None:
    text = cursor.encode(question, key)
    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert cursor.decode(question, text, len(key)) == key


@given(QUESTIONS, QUESTIONS, KEYS)
def test_a_cursor_of_another_question_is_refused(
    asked: list[object], other: list[object], key: list[str | None]
) -> None:
    if asked != other:
        with pytest.raises(ValueError, match="does not belong to this list"):
            cursor.decode(other, cursor.encode(asked, key), len(key))


@given(st.text(), st.integers(0, 4))
def test_what_is_no_cursor_is_refused(text: str, parts: int) -> None:
    with pytest.raises(ValueError, match="does not belong to this list"):
        cursor.decode(["list"], text, parts)


def test_a_key_of_other_length_is_refused() -> None:
    with pytest.raises(ValueError, match="does not belong to this list"):
        cursor.decode(["list"], cursor.encode(["list"], ["a", "b"]), 3)
