"""Identifiers: normal form, strength, and the subject id."""

from __future__ import annotations

import hashlib
import unicodedata
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.schemas import identifiers
from kizuna.schemas.identifiers import (
    COMPANY,
    KINDS,
    MAX_LENGTH,
    is_person_kind,
    normalise,
    strength,
    subject_id,
)

kinds = st.sampled_from([*KINDS, "x_crm"])


@pytest.mark.parametrize(
    ("kind", "value", "normal"),
    [
        ("user_id", "  C-1042 ", "C-1042"),
        ("user_id", "Case Stays", "Case Stays"),
        ("email", " Hanako.SATO@Example.COM", "hanako.sato@example.com"),
        ("email", "ＨＡＮＡＫＯ＠example.com", "hanako@example.com"),
        ("card", "９９００１１", "990011"),
        ("x_crm", "ｻﾄｳ", "サトウ"),
        ("user_id", "e\u0301", "é"),
        ("email", "\u0130@example.com", "i\u0307@example.com"),
    ],
)
def test_normal_form(kind: str, value: str, normal: str) -> None:
    assert normalise(kind, value) == normal


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "is empty"),
        (" \t\u3000", "is empty"),
        ("a\x00b", "control character"),
        ("a\u0085b", "control character"),
        ("x" * (MAX_LENGTH + 1), "longer than"),
        ("\ufdfa" * 20, "longer than"),  # one character that NFKC makes 18 of
    ],
)
def test_what_cannot_be_an_identifier(value: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        normalise("user_id", value)


@given(kinds, st.text())
def test_normal_form_is_reached_at_once(kind: str, value: str) -> None:
    try:
        normal = normalise(kind, value)
    except ValueError:
        return
    assert normalise(kind, normal) == normal
    assert unicodedata.is_normalized("NFKC", normal)
    assert normal == normal.strip()
    assert 0 < len(normal) <= MAX_LENGTH


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=50))
def test_white_space_and_case_of_an_email_do_not_matter(local: str) -> None:
    written = f"{local}@example.com"
    assert normalise("email", f" {written}\n") == normalise("email", written)
    assert normalise("email", written) == normalise("email", normalise("email", written).lower())


def test_kinds() -> None:
    assert sorted(KINDS, key=strength) == list(KINDS)
    assert strength("device_id") < strength("x_crm") == strength("x_till") < strength("anonymous_id")
    assert all(is_person_kind(kind) for kind in (*KINDS, "x_crm", "x_2"))
    assert not any(
        is_person_kind(kind) for kind in (COMPANY, "x_", "x_CRM", "userId", "", "x_a-b", "x_crm\n")
    )


def test_the_subject_id_is_half_a_keyed_hash() -> None:
    digest = hashlib.sha256(b"workspace key\x1femail\x1fhanako@example.com").hexdigest()
    assert subject_id("workspace key", "email", "hanako@example.com") == UUID(digest[:32])
    assert identifiers.subject_bytes("workspace key", "email", "hanako@example.com").hex() == digest[:32]


@given(kinds, kinds, st.text(max_size=20), st.text(max_size=20))
def test_only_equal_identifiers_share_a_subject(one: str, other: str, a: str, b: str) -> None:
    assert (subject_id("k", one, a) == subject_id("k", other, b)) == ((one, a) == (other, b))
    assert subject_id("k", one, a) != subject_id("another", one, a)
