"""Write keys and tokens: what is kept of them, and when they open."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import pytest

from kizuna.eventlog.memory import MemoryLog
from kizuna.eventlog.port import Bounds, LogIdentity, NewRecord, TopicPartition
from kizuna.eventlog.topics import DEFINITIONS
from kizuna.eventlog.wrapped import WrappedLog
from kizuna.processors import access as access_module
from kizuna.processors import presented
from kizuna.processors.access import UNKNOWN_SECONDS, Access, digest
from kizuna.processors.presented import Presented
from kizuna.schemas.definitions import Definition, Scope, Token
from kizuna.schemas.errors import ConfigurationError, LogUnavailable, Undeclarable

SECRET = "s" * 43


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 14, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def number(n: int) -> UUID:
    return uuid5(UUID(int=1), str(n))


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(clock=lambda: 0, identity=LogIdentity(UUID(int=7), 0))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(log: MemoryLog, clock: Clock) -> Access:
    return Access(log, clock, admin_token="kzt_of-the-node")


def test_a_key_opens_at_once_and_tells_its_rights(access: Access) -> None:
    text = access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    assert text == "kzw_" + SECRET
    found = access.write_key(text)
    assert found is not None
    assert (found.rights, found.source) == ("secret", "shop")
    assert access.held_write_key(text) == found
    assert access.token(text) is None
    assert list(access.write_keys()) == ["tills"]


def test_a_token_opens_with_its_scope(access: Access) -> None:
    text = access.create_token("reports", "read", SECRET, number(1))
    assert text == "kzt_" + SECRET
    found = access.token(text)
    assert found is not None
    assert found.scope == "read"
    assert access.write_key(text) is None
    assert list(access.tokens()) == ["reports"]


def test_the_nodes_own_token_is_admin_and_stands_nowhere(access: Access, log: MemoryLog) -> None:
    found = access.token("kzt_of-the-node")
    assert found is not None
    assert found.scope == "admin"
    assert access.tokens() == {}
    assert log.read(DEFINITIONS, 0, 0, 10) == []
    assert Access(log, Clock()).token("kzt_of-the-node") is None


def test_each_scope_may_what_the_narrower_ones_may() -> None:
    sha256 = "0" * 64
    narrow = Token(sha256=sha256, scope="lookup", fields=("id",))
    read, admin = Token(sha256=sha256, scope="read"), Token(sha256=sha256, scope="admin")
    asked: tuple[Scope, ...] = ("lookup", "read", "admin")
    assert [narrow.may(one) for one in asked] == [True, False, False]
    assert [read.may(one) for one in asked] == [True, True, False]
    assert [admin.may(one) for one in asked] == [True, True, True]


def test_a_lookup_token_keeps_what_it_declares(access: Access, log: MemoryLog) -> None:
    text = access.create_token("till", "lookup", SECRET, number(1), ["fields.a", "id", "fields.a"])
    for one in (access, Access(log, Clock())):
        found = one.token(text)
        assert found is not None
        assert (found.scope, found.fields) == ("lookup", ("fields.a", "id"))


def test_shipped_traits_can_be_declared_before_a_node_ever_ran(access: Access, log: MemoryLog) -> None:
    text = access.create_token("till", "lookup", SECRET, number(1), ["traits.orders_count"])
    assert access.token(text) is not None
    with pytest.raises(Undeclarable, match="no trait orders_cuont") as caught:
        access.create_token("other", "lookup", SECRET, number(2), ["traits.orders_cuont"])
    assert "orders_count" in caught.value.hint
    assert len(log.read(DEFINITIONS, 0, 0, 10)) == 1


def test_tokens_of_before_and_of_other_scopes_say_nothing_of_fields(access: Access, log: MemoryLog) -> None:
    body: dict[str, object] = {"sha256": digest("kzt_old"), "scope": "read"}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    old = Definition(definition_id=number(1), kind="token", name="old", received_at=moment, body=body)
    log.append(DEFINITIONS, [NewRecord(b"", old.model_dump_json().encode())])
    found = access.token("kzt_old")
    assert found is not None
    assert (found.scope, found.fields) == ("read", ())
    # What is written today can be read by a node of that time, which knew two members.
    access.create_token("new", "admin", SECRET, number(2))
    (record,) = log.read(DEFINITIONS, 0, 1, 10)
    assert json.loads(record.value)["body"].keys() == body.keys()


@pytest.mark.parametrize(
    "more",
    [
        {"scope": "lookup"},
        {"scope": "lookup", "fields": []},
        {"scope": "lookup", "fields": ["*"]},
        {"scope": "lookup", "fields": ["id", "links"]},
        {"scope": "lookup", "fields": ["id"], "more": 1},
        {"scope": "lookup", "fields": [f"fields.n{number}" for number in range(101)]},
        {"scope": "read", "fields": ["id"]},
        {"scope": "segments"},
    ],
    ids=lambda more: f"{more!s:.50}",
)
def test_a_record_of_a_token_that_makes_no_sense_opens_nothing(
    access: Access, log: MemoryLog, more: dict[str, object]
) -> None:
    body: dict[str, object] = {"sha256": digest("kzt_odd"), **more}
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    odd = Definition(definition_id=number(1), kind="token", name="odd", received_at=moment, body=body)
    log.append(DEFINITIONS, [NewRecord(b"", odd.model_dump_json().encode())])
    text = access.create_token("reports", "read", SECRET, number(2))
    assert access.token("kzt_odd") is None
    assert access.token(text) is not None


def test_no_secret_is_in_the_log(access: Access, log: MemoryLog) -> None:
    access.create_write_key("tills", "public", "shop", SECRET, number(1))
    access.create_token("reports", "admin", SECRET, number(2))
    for record in log.read(DEFINITIONS, 0, 0, 10):
        assert SECRET.encode() not in record.value + record.key


@pytest.mark.parametrize(
    "presented", ["", "kzw_", SECRET, "kzw_" + SECRET[:-1], "kzw_" + SECRET + "s", "\xff"]
)
def test_anything_else_does_not_open(access: Access, presented: str) -> None:
    access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    assert access.write_key(presented) is None
    assert access.held_write_key(presented) is None


def test_a_name_is_taken_once(access: Access) -> None:
    access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    with pytest.raises(ConfigurationError, match="a write key tills already"):
        access.create_write_key("tills", "secret", "shop", SECRET, number(2))
    access.create_token("tills", "read", SECRET, number(3))


@pytest.mark.parametrize("name", ["", "Tills", "9a", "a b", "a" * 64, "a/b"])
def test_a_name_is_a_plain_word(access: Access, log: MemoryLog, name: str) -> None:
    with pytest.raises(ConfigurationError, match="lower-case letter"):
        access.create_write_key(name, "secret", "shop", SECRET, number(1))
    assert log.read(DEFINITIONS, 0, 0, 10) == []


def test_a_source_must_be_there(access: Access) -> None:
    with pytest.raises(ConfigurationError, match="source"):
        access.create_write_key("tills", "secret", "", SECRET, number(1))


def test_what_is_removed_opens_no_more_and_frees_its_name(access: Access) -> None:
    text = access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    access.remove("write_key", "tills", number(2))
    assert access.write_key(text) is None
    assert access.write_keys() == {}
    other = access.create_write_key("tills", "public", "shop", "t" * 43, number(3))
    assert access.write_key(other) is not None
    assert access.write_key(text) is None


def test_only_what_exists_is_removed(access: Access) -> None:
    access.create_token("reports", "read", SECRET, number(1))
    with pytest.raises(ConfigurationError, match="no token others") as caught:
        access.remove("token", "others", number(2))
    assert "reports" in caught.value.hint


def test_a_clock_set_back_does_not_bring_a_key_back(access: Access, log: MemoryLog, clock: Clock) -> None:
    text = access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    clock.now -= timedelta(days=1)
    access.remove("write_key", "tills", number(2))
    assert access.write_key(text) is None
    assert Access(log, clock).write_key(text) is None


def test_another_process_sees_what_was_made_and_removed(log: MemoryLog, access: Access) -> None:
    other = Access(log, Clock())
    assert other.write_key("kzw_" + SECRET) is None
    text = access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    time.sleep(UNKNOWN_SECONDS)
    assert other.write_key(text) is not None
    access.remove("write_key", "tills", number(2))
    assert other.write_key(text) is not None  # until it looks again
    other.refresh()
    assert other.write_key(text) is None


def test_guessing_does_not_read_the_log_each_time(log: MemoryLog, access: Access) -> None:
    other = Access(log, Clock())
    other.refresh()
    text = access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    seen = [other.write_key(text) is not None]
    until = time.monotonic() + 5
    while not seen[-1] and time.monotonic() < until:
        seen.append(other.write_key(text) is not None)
    assert seen[-1]
    assert seen.count(False) >= 1


def test_records_that_are_no_keys_lock_nobody_out(log: MemoryLog, access: Access) -> None:
    text = access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    bad = Definition(
        definition_id=number(9),
        kind="write_key",
        name="bad",
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        body={"sha256": "no"},
    )
    trait = bad.model_copy(update={"kind": "trait", "name": "orders"})
    values = [b"not JSON", b"{}", *(one.model_dump_json().encode() for one in (bad, trait))]
    log.append(DEFINITIONS, [NewRecord(b"", value) for value in values])
    other = Access(log, Clock())
    other.refresh()
    assert other.write_key(text) is not None
    assert list(other.write_keys()) == ["tills"]


def test_a_log_that_is_gone_is_told(log: MemoryLog, access: Access) -> None:
    log.close()
    with pytest.raises(LogUnavailable):
        access.create_token("reports", "read", SECRET, number(1))


class Away(WrappedLog):
    """A log that does not answer while `away`; `asked` says how often it did not."""

    def __init__(self, log: MemoryLog) -> None:
        super().__init__(log)
        self.away = False
        self.asked = 0

    def bounds(self) -> dict[TopicPartition, Bounds]:
        if self.away:
            self.asked += 1
            raise LogUnavailable("away")
        return super().bounds()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held is stale at once, and an unknown value looked up at once."""
    monkeypatch.setattr(access_module, "STALE_SECONDS", 0.0)
    monkeypatch.setattr(access_module, "UNKNOWN_SECONDS", 0.0)
    monkeypatch.setattr(presented, "UNKNOWN_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
def test_while_the_log_is_away_who_was_known_is_known(
    log: MemoryLog, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    token = access.create_token("reports", "read", SECRET, number(2))
    away = Away(log)
    other = Access(away, Clock(), admin_token="kzt_own")
    other.refresh()
    away.away = True
    for _ in range(3):
        assert other.write_key(key) is not None
        assert other.token(token) is not None
        with pytest.raises(LogUnavailable):
            other.write_key("kzw_" + "x" * 43)
    assert away.asked == 1, "it is left alone for a while"
    assert other.token("kzt_own") is not None
    access.remove("token", "reports", number(3))
    monkeypatch.setattr(access_module, "AWAY_SECONDS", 0.0)
    other._away_until = 0.0
    assert other.token(token) is not None
    away.away = False
    assert other.token(token) is None, "what was removed meanwhile is noticed when it is back"


@pytest.mark.usefixtures("at_once")
def test_an_event_loop_is_told_the_same(log: MemoryLog, access: Access) -> None:
    key = access.create_write_key("tills", "secret", "shop", SECRET, number(1))
    away = Away(log)
    other = Access(away, Clock())
    other.refresh()
    away.away = True

    async def ask() -> None:
        asked = Presented(other)
        assert (await asked.write_key(key)) is not None
        with pytest.raises(LogUnavailable):
            await asked.write_key("kzw_" + "x" * 43)

    asyncio.run(ask())
