"""Network addresses: whom a request comes from, and what counts as one sender."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

HOPS = 20
"""Addresses of `X-Forwarded-For` that are looked at, from the nearest."""

_NET_BITS = 64
_MOST_LETTERS = 50


def networks(text: str) -> tuple[Network, ...]:
    """Addresses and networks (`10.0.0.0/8`) with commas between. Raises ValueError."""
    return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())


@lru_cache(maxsize=4_096)
def parsed(text: str) -> Address | None:
    """An address, without its port, zone or brackets; None for what is none. An IPv4 address that is written
    as an IPv6 one is the IPv4 address."""
    if len(text) > _MOST_LETTERS:
        return None
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


@lru_cache(maxsize=4_096)
def sender(text: str) -> str:
    """What counts as one sender: an IPv4 address, or the /64 that an IPv6 address lies in, since one machine
    may have all of it."""
    address = parsed(text)
    if isinstance(address, IPv6Address) and not address.is_loopback:
        return str(IPv6Network((int(address) >> _NET_BITS << _NET_BITS, _NET_BITS)))
    return str(address) if address else text


@lru_cache(maxsize=4_096)
def is_loopback(text: str) -> bool:
    """Whether it is this machine itself."""
    address = parsed(text)
    return address is not None and address.is_loopback


class Proxies:
    """Proxies that are trusted to say whom a request comes from."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = tuple(trusted)

    def trusts(self, text: str) -> bool:
        """Whether this address is one of a trusted proxy."""
        address = parsed(text)
        return address is not None and any(address in network for network in self._trusted)

    def origin(self, peer: str, forwarded: Sequence[bytes]) -> str:
        """Whom a request of `peer` comes from, by the values of its `X-Forwarded-For` headers: the last
        address that no trusted proxy has. What stands before it anybody can write."""
        if not forwarded or not self.trusts(peer):
            return peer
        found = peer
        for hop in reversed(b",".join(forwarded).decode("latin-1").rsplit(",", HOPS)[-HOPS:]):
            if parsed(hop.strip()) is None:
                break
            found = hop.strip()
            if not self.trusts(found):
                break
        return str(parsed(found) or found)
