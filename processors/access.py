"""Who may send and who may read: write keys and tokens, held from the definitions topic."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Literal, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, ValidationError

from kizuna.eventlog.port import EventLog, NewRecord
from kizuna.eventlog.topics import DEFINITIONS
from kizuna.projections.definitions import shipped
from kizuna.schemas import disclosure
from kizuna.schemas.definitions import Definition, Scope, Token, WriteKey, latest
from kizuna.schemas.envelope import Rights
from kizuna.schemas.errors import ConfigurationError, LogUnavailable, Undeclarable

from .definitions_tail import DefinitionsTail

KEY_PREFIX = "kzw_"
TOKEN_PREFIX = "kzt_"

UNKNOWN_SECONDS = 0.1
"""An unknown value makes Access read the topic again, but not more often: guessing cannot keep it busy."""

STALE_SECONDS = 5.0
"""After this time a known value does so too: another process may have removed it."""

AWAY_SECONDS = 5.0
"""A log that did not answer is asked again after this time. Until it does, what was known last is good."""

PATIENCE_SECONDS = 1.0
"""How long somebody who is known waits for the log."""

DURABLE_SECONDS = 30.0
"""How long creating or removing waits for the log."""

CredentialKind = Literal["write_key", "token"]

M = TypeVar("M", bound=BaseModel)

_ADVICE = {"name": "A name is a lower-case letter, then letters, digits, - and _, at most 63."}


class Access:
    """Write keys and tokens by the SHA-256 of their text, so that looking one up takes the same time whatever
    part of it is right. Every method may be called from any thread; those that read or append may block on
    the log and raise LogUnavailable.

    `admin_token` is the node's own token, held in memory only.
    """

    def __init__(self, log: EventLog, clock: Callable[[], datetime], admin_token: str | None = None) -> None:
        self._log = log
        self._clock = clock
        own = digest(admin_token) if admin_token else None
        self._admin = {own: Token(sha256=own, scope="admin")} if own else {}
        self._lock = threading.RLock()
        self._tail = DefinitionsTail(log)
        self._read_at = -STALE_SECONDS
        self._away_until = 0.0
        self._seen: list[Definition] = []
        self._write_keys: Mapping[str, WriteKey] = {}
        self._tokens: Mapping[str, Token] = {}
        self._traits: frozenset[str] = frozenset()
        self._key_by_hash: dict[str, WriteKey] = {}
        self._token_by_hash: dict[str, Token] = dict(self._admin)

    def refresh(self) -> None:
        """Read the definitions topic from where it stood to its end. A log that was away a moment ago is not
        asked again."""
        with self._lock:
            if time.monotonic() < self._away_until:
                raise LogUnavailable("The log does not answer.", hint="Try again in a while.")
            try:
                new = self._tail.new()
            except LogUnavailable:
                self._away_until = time.monotonic() + AWAY_SECONDS
                raise
            ours = [one for one in new if one.kind in ("write_key", "token", "trait")]
            self._read_at = time.monotonic()
            if ours:
                self._seen += ours
                self._hold()

    def write_key(self, presented: str) -> WriteKey | None:
        """The write key of this text; None when there is none."""
        hashed = digest(presented)
        self._refresh_after(STALE_SECONDS, known=hashed in self._key_by_hash)
        held = self._key_by_hash.get(hashed)
        if held is None and self._refresh_after(UNKNOWN_SECONDS):
            held = self._key_by_hash.get(hashed)
        return held

    def held_write_key(self, presented: str) -> WriteKey | None:
        """The same from what is held and fresh, without asking the log; None says nothing."""
        return None if self.age() >= STALE_SECONDS else self._key_by_hash.get(digest(presented))

    def held_token(self, presented: str) -> Token | None:
        """The same of a token."""
        hashed = digest(presented)
        if hashed in self._admin:
            return self._admin[hashed]
        return None if self.age() >= STALE_SECONDS else self._token_by_hash.get(hashed)

    def last_write_key(self, presented: str) -> WriteKey | None:
        """The same from what is held, however old: for when the log is away."""
        return self._key_by_hash.get(digest(presented))

    def last_token(self, presented: str) -> Token | None:
        """The same of a token."""
        return self._token_by_hash.get(digest(presented))

    def age(self) -> float:
        """Seconds since the topic was read to its end."""
        return time.monotonic() - self._read_at

    def token(self, presented: str) -> Token | None:
        """The token of this text; None when there is none."""
        hashed = digest(presented)
        if hashed in self._admin:
            return self._admin[hashed]
        self._refresh_after(STALE_SECONDS, known=hashed in self._token_by_hash)
        held = self._token_by_hash.get(hashed)
        if held is None and self._refresh_after(UNKNOWN_SECONDS):
            held = self._token_by_hash.get(hashed)
        return held

    def token_name(self, presented: str) -> str | None:
        """The name of the token of this text, as it is held; None for the node's own, or where none is."""
        hashed = digest(presented)
        return next((name for name, one in self._tokens.items() if one.sha256 == hashed), None)

    def write_keys(self) -> Mapping[str, WriteKey]:
        """Every write key by its name, in the order of names."""
        return self._write_keys

    def tokens(self) -> Mapping[str, Token]:
        """Every token by its name, in the order of names; not the node's own."""
        return self._tokens

    def create_write_key(
        self, name: str, rights: Rights, source: str, secret: str, definition_id: UUID
    ) -> str:
        """Append a write key and return its text, which is kept nowhere. `secret` is 256 random bits as text.

        Raises ConfigurationError when the name is taken or not allowed.
        """
        text = KEY_PREFIX + secret
        self._create(
            "write_key", name, definition_id, WriteKey, sha256=digest(text), rights=rights, source=source
        )
        return text

    def create_token(
        self, name: str, scope: Scope, secret: str, definition_id: UUID, fields: Sequence[str] = ()
    ) -> str:
        """Append a token and return its text, as `create_write_key` does. One of scope `lookup` declares
        `fields`; raises Undeclarable where there is no such field."""
        declared = tuple(dict.fromkeys(fields))
        if scope == "lookup":
            self.refresh()
            disclosure.check(declared, self._traits | _shipped())
        elif declared:
            raise Undeclarable(
                f"A token of scope {scope} declares no fields, it sees all.", hint="Make one of scope lookup."
            )
        text = TOKEN_PREFIX + secret
        self._create("token", name, definition_id, Token, sha256=digest(text), scope=scope, fields=declared)
        return text

    def remove(self, kind: CredentialKind, name: str, definition_id: UUID) -> None:
        """Take a write key or token back: it opens nothing from here on. Raises ConfigurationError when there
        is none of that name."""
        with self._lock:
            self.refresh()
            if name not in self._held(kind):
                raise ConfigurationError(f"There is no {_label(kind)} {name}.", hint=self._names(kind))
            self._append(kind, name, definition_id, None)

    def _create(
        self, kind: CredentialKind, name: str, definition_id: UUID, model: type[BaseModel], **fields: object
    ) -> None:
        with self._lock:
            self.refresh()
            if name in self._held(kind):
                raise ConfigurationError(
                    f"There is a {_label(kind)} {name} already.",
                    hint="Choose another name, or remove it first.",
                )
            try:
                body = model.model_validate(fields)
                self._append(kind, name, definition_id, body.model_dump(mode="json", exclude_defaults=True))
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                field = str(first["loc"][0])
                raise ConfigurationError(
                    f"The {_label(kind)}'s {field} will not do: {first['msg']}.", hint=_ADVICE.get(field, "")
                ) from None

    def _append(
        self, kind: CredentialKind, name: str, definition_id: UUID, body: dict[str, object] | None
    ) -> None:
        """Waits until it is durable, and known here."""
        earlier = [one.received_at for one in self._seen if (one.kind, one.name) == (kind, name)]
        # Later than what it replaces, even when the clock was set back: the latest counts.
        received_at = max([self._clock(), *(moment + timedelta(microseconds=1) for moment in earlier)])
        definition = Definition(
            definition_id=definition_id, kind=kind, name=name, received_at=received_at, body=body
        )
        record = NewRecord(f"{kind}/{name}".encode(), definition.model_dump_json().encode())
        try:
            self._log.append(DEFINITIONS, [record]).result(DURABLE_SECONDS)
        except TimeoutError:
            raise LogUnavailable(
                "The log did not answer in time.", hint="Look whether it was kept."
            ) from None
        self.refresh()

    def _hold(self) -> None:
        now = sorted(latest(self._seen).items())
        keys = {
            name: key
            for (kind, name), one in now
            if kind == "write_key" and (key := _parsed(WriteKey, orjson.dumps(one.body)))
        }
        tokens = {
            name: token
            for (kind, name), one in now
            if kind == "token" and (token := _parsed(Token, orjson.dumps(one.body)))
        }
        self._traits = frozenset(name for (kind, name), _ in now if kind == "trait")
        self._write_keys, self._tokens = MappingProxyType(keys), MappingProxyType(tokens)
        self._key_by_hash = {key.sha256: key for key in keys.values()}
        self._token_by_hash = self._admin | {token.sha256: token for token in tokens.values()}

    def _held(self, kind: CredentialKind) -> Mapping[str, WriteKey] | Mapping[str, Token]:
        return self._write_keys if kind == "write_key" else self._tokens

    def _names(self, kind: CredentialKind) -> str:
        return f"There are: {', '.join(self._held(kind)) or 'none'}."

    def _refresh_after(self, seconds: float, *, known: bool = False) -> bool:
        """Whether it was read again, as what is held is older. Who is `known` is so while the log is away."""
        if self.age() < seconds or not self._lock.acquire(timeout=PATIENCE_SECONDS if known else -1):
            return False
        try:
            self.refresh()
        except LogUnavailable:
            if known:
                return False
            raise
        finally:
            self._lock.release()
        return True


def digest(text: str) -> str:
    """SHA-256 in hex: what is kept of a key or token."""
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _shipped() -> frozenset[str]:
    """Names of the traits that a log has at the latest when a node first runs."""
    return frozenset(one.name for one in shipped())


def _parsed(model: type[M], raw: bytes) -> M | None:
    """None for what is no such thing: one bad record must not lock everybody out."""
    try:
        return model.model_validate_json(raw)
    except ValidationError:
        return None


def _label(kind: CredentialKind) -> str:
    return "write key" if kind == "write_key" else "token"
