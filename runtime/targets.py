"""Where simulated touchpoints go: a node's collector, or lines of NDJSON."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Protocol

import httpx
import orjson

from kizuna.schemas.errors import ConfigurationError, LogUnavailable

from .shop import SOURCES, Touchpoint

PATIENCE = 60.0
FIRST_PATIENCE = 30.0
"""A node that never took anything is more likely to be a wrong address than one that is busy."""

TELL_EVERY = 10.0
CONNECT_SECONDS = 5.0


class Target(Protocol):
    """Where touchpoints go."""

    def send(self, touchpoints: Sequence[Touchpoint]) -> int:
        """Send all, and return how many were refused. Raises LogUnavailable when it cannot be done."""
        ...


class Lines:
    """NDJSON: a file, or standard output. A file has no write keys, so every line is of one source."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def send(self, touchpoints: Sequence[Touchpoint]) -> int:
        self._file.writelines(line(one) for one in touchpoints)
        self._file.flush()
        return 0


class Node:
    """A node's collector. `keys` are write keys by source; a single one, under "", is used for all. A node
    that does not answer is asked again for `patience` seconds, for FIRST_PATIENCE at most when it never took
    anything; `tell` hears of it when it begins, and then at intervals."""

    def __init__(
        self,
        client: httpx.Client,
        keys: Mapping[str, str],
        patience: float = PATIENCE,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._client = client
        self._keys = keys
        self._patience = patience
        self._tell = tell
        self._took = False

    def send(self, touchpoints: Sequence[Touchpoint]) -> int:
        by_key: dict[str, list[bytes]] = defaultdict(list)
        for one in touchpoints:
            if one.source in self._keys:
                by_key[self._keys[one.source]].append(
                    orjson.dumps(one.submission, option=orjson.OPT_APPEND_NEWLINE)
                )
            elif "" in self._keys:
                by_key[self._keys[""]].append(line(one))
            else:
                raise ConfigurationError(f"There is no write key for {one.source}.", hint="Give --key KEY.")
        return sum(self._post(key, b"".join(lines)) for key, lines in by_key.items())

    def _post(self, key: str, body: bytes) -> int:
        """The message ids make sending again safe, so what is not answered with 200 is sent again."""
        headers = {"authorization": f"Bearer {key}", "content-type": "application/x-ndjson"}
        patience = self._patience if self._took else min(self._patience, FIRST_PATIENCE)
        began = time.monotonic()
        told = began - TELL_EVERY
        while True:
            try:
                answer = self._client.post("/v1/events", content=body, headers=headers)
            except httpx.TransportError as error:
                problem, wait = f"does not answer ({type(error).__name__})", 1.0
            else:
                if answer.status_code == 200:
                    self._took = True
                    return int(orjson.loads(answer.content)["refused"])
                if answer.status_code == 401:
                    raise ConfigurationError(
                        "The node does not know this write key.",
                        hint="Make one with `kizuna keys create NAME`.",
                    )
                if answer.status_code not in (429, 502, 503, 504):
                    raise ConfigurationError(f"The node answered {answer.status_code}: {answer.text[:300]}")
                problem, wait = f"answers {answer.status_code}", float(answer.headers.get("retry-after", 1))
            now = time.monotonic()
            if now + wait > began + patience:
                raise LogUnavailable(
                    f"The node at {self._client.base_url} {problem}; tried for {now - began:.0f} s.",
                    hint="Start it with `kizuna run`, or give the address of one that runs.",
                )
            if now >= told + TELL_EVERY:
                told = now
                self._tell(
                    f"The node at {self._client.base_url} {problem}; trying again, "
                    f"for {began + patience - now:.0f} s at most."
                )
            time.sleep(wait)


def line(touchpoint: Touchpoint) -> bytes:
    """One line of NDJSON for a single source: namespaces of entities, which name sources, are left out."""
    submission = touchpoint.submission
    entities = submission.get("entities")
    if isinstance(entities, list):
        bare = [{name: value for name, value in one.items() if name != "namespace"} for one in entities]
        submission = {**submission, "entities": bare}
    return orjson.dumps(submission, option=orjson.OPT_APPEND_NEWLINE)


@contextmanager
def opened_target(
    to: str, keys: Sequence[str], tell: Callable[[str], None] = lambda text: None
) -> Iterator[Target]:
    """`to` is the address of a node, the path of a file, or - for standard output; `keys` are write keys,
    KEY or SOURCE=KEY; `tell` hears of a node that does not answer. Raises ConfigurationError."""
    if to == "-":
        yield Lines(sys.stdout.buffer)
    elif to.startswith(("http://", "https://")):
        by_source = dict(_key(one) for one in keys)
        if not by_source:
            raise ConfigurationError(
                "A node takes events with a write key only.",
                hint="Make one with `kizuna keys create NAME`, give --key.",
            )
        timeout = httpx.Timeout(30.0, connect=CONNECT_SECONDS)
        with httpx.Client(base_url=_address(to), timeout=timeout) as client:
            yield Node(client, by_source, tell=tell)
    else:
        with _created(to) as file:
            yield Lines(file)


def _address(to: str) -> httpx.URL:
    try:
        url = httpx.URL(to)
    except httpx.InvalidURL:
        url = httpx.URL()
    if not url.host:
        raise ConfigurationError(
            f"{to} is no address of a node.", hint="Give one such as http://127.0.0.1:8080."
        )
    return url


def _created(path: str) -> BinaryIO:
    try:
        return open(path, "wb")
    except OSError as error:
        raise ConfigurationError(
            f"Cannot write {path}: {error.strerror}.",
            hint="Make its folder first, or name another file with --to.",
        ) from None


def _key(given: str) -> tuple[str, str]:
    source, equals, key = given.rpartition("=")
    if equals and source not in SOURCES:
        raise ConfigurationError(
            f"The shop has no source {source}.", hint=f"There are: {', '.join(SOURCES)}."
        )
    return source, key
