"""Raw connections to a node, for clients that do not behave."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from tests.node_process import NodeProcess


def connect(address: str, *, source: str | None = None, window: int | None = None) -> socket.socket:
    """A connection to the node; `source` is the address of this machine that it comes from, `window` the
    size of what it takes without being read."""
    url = urlsplit(address)
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.settimeout(15)
    if window:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    if source:
        opened.bind((source, 0))
    opened.connect((url.hostname, url.port))
    return opened


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    received = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65_536):
            received += part
    return received


def one_answer(connection: socket.socket) -> bytes:
    """The head and body of one answer that has a length."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(65_536)
        assert part, received
        received += part
    length = re.search(rb"content-length: (\d+)", received.lower())
    assert length, received
    while len(received.partition(b"\r\n\r\n")[2]) < int(length[1]):
        received += connection.recv(65_536)
    return received


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def metric(node: NodeProcess, name: str, **labels: str) -> float:
    """A number of the node's metrics; 0 when it is not there yet."""
    label = "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else ""
    found = re.search(rf"^{re.escape(name + label)} (\S+)$", node.ask("GET", "/metrics").text, re.MULTILINE)
    return float(found[1]) if found else 0.0
