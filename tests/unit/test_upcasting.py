"""The ladder: properties of older versions climb to the current one."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.schemas.admission import Accepted, Origin, admit
from kizuna.schemas.payload import MODELS
from kizuna.schemas.upcasting import LADDER, upcast


def test_the_ladder_has_no_gap() -> None:
    """One step from each past version of a type, and none from the current one."""
    assert {type_: model.VERSION - 1 for type_, model in MODELS.items() if model.VERSION > 1} == {
        type_: max(version for other, version in LADDER if other == type_) for type_, _ in LADDER
    }
    for type_, version in LADDER:
        assert version == 1 or (type_, version - 1) in LADDER


@pytest.mark.parametrize(
    ("reason", "bounce_type"),
    [
        ("hard", "hard"),
        ("Permanent failure", "hard"),
        ("550 mailbox unavailable", "hard"),
        ("smtp; 5.1.1 unknown user", "hard"),
        ("soft", "soft"),
        ("TEMPORARY", "soft"),
        ("421 try again later", "soft"),
        ("4.2.2 mailbox full", "soft"),
        ("mailbox full", "unknown"),
        ("message 15503 was lost", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_email_bounced_1_to_2(reason: str | None, bounce_type: str) -> None:
    old = {"email_id": "m-1", "campaign_id": "c-1", "reason": reason, "own": [1]}
    kept = deepcopy(old)
    assert upcast("email.bounced", 1, old) == {**kept, "bounce_type": bounce_type}
    assert old == kept


def test_without_a_reason_the_bounce_is_unknown() -> None:
    assert upcast("email.bounced", 1, {}) == {"bounce_type": "unknown"}


def test_the_current_version_stays_as_it_is() -> None:
    properties = {"bounce_type": "soft", "reason": "550"}
    assert upcast("email.bounced", 2, properties) == properties
    assert upcast("custom.quiz", 1, {"a": 1}) == {"a": 1}


@given(st.dictionaries(st.sampled_from(["reason", "x"]), st.integers() | st.lists(st.text()) | st.text()))
def test_the_ladder_takes_properties_that_nobody_checked(properties: dict[str, object]) -> None:
    assert upcast("email.bounced", 1, properties).items() >= properties.items()


def test_an_old_version_is_accepted_and_kept_as_the_current_one() -> None:
    item = {"type": "email.bounced", "version": 1, "properties": {"email_id": "m-1", "reason": "soft"}}
    result = admit(
        item, Origin("mail", "secret", datetime(2026, 3, 14, tzinfo=UTC)), "k", lambda: UUID(int=1)
    )
    assert isinstance(result, Accepted)
    envelope = json.loads(result.value)
    assert envelope["version"] == 2
    assert envelope["properties"] == {"email_id": "m-1", "reason": "soft", "bounce_type": "soft"}
