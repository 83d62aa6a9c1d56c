"""Addresses: who counts as one sender, and which proxies are believed."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kizuna.runtime.addresses import Proxies, is_loopback, networks, sender

TRUSTED = Proxies(networks("10.0.0.0/8, ::1, 127.0.0.1"))


@pytest.mark.parametrize(
    ("text", "one"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
        ("", ""),
        ("unknown", "unknown"),
    ],
)
def test_one_sender(text: str, one: str) -> None:
    assert sender(text) == one


@given(st.ip_addresses(network="2000::/3"))
def test_a_64_is_one_sender(address: IPv4Address | IPv6Address) -> None:
    assert address in ip_network(sender(str(address)))
    assert sender(str(address)).endswith("/64")


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
    ],
)
def test_loopback(text: str, local: bool) -> None:
    assert is_loopback(text) is local


@pytest.mark.parametrize(
    ("peer", "forwarded", "origin"),
    [
        ("203.0.113.9", [b"198.51.100.1"], "203.0.113.9"),  # anybody can write that
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", [b"1.1.1.1, 198.51.100.1"], "198.51.100.1"),  # the first was the client's own word
        ("127.0.0.1", [b"1.1.1.1", b"198.51.100.1, 10.2.3.4"], "198.51.100.1"),
        ("127.0.0.1", [b"10.1.1.1, 10.2.2.2"], "10.1.1.1"),
        ("127.0.0.1", [b"198.51.100.1:9999"], "198.51.100.1"),
        ("127.0.0.1", [b"198.51.100.1, nonsense"], "127.0.0.1"),
        ("::1", [b"[2001:db8::7]:80"], "2001:db8::7"),
        ("10.0.0.1", [b"x" * 60_000 + b", 198.51.100.1"], "198.51.100.1"),
    ],
)
def test_the_origin_is_the_last_address_that_no_trusted_proxy_has(
    peer: str, forwarded: list[bytes], origin: str
) -> None:
    assert TRUSTED.origin(peer, forwarded) == origin


def test_without_proxies_nothing_is_believed() -> None:
    assert Proxies(networks("")).origin("127.0.0.1", [b"198.51.100.1"]) == "127.0.0.1"


@pytest.mark.parametrize("text", ["10.0.0.1/8", "nginx", "10.0.0.0/33"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        networks(text)
