"""Bounds of what the API takes."""

from __future__ import annotations

from dataclasses import dataclass

from kizuna.processors.buckets import UNLIMITED, Rate


@dataclass(frozen=True, slots=True)
class Limits:
    """`body_bytes` of one request, `held_bytes` of all that are being received, `token` the requests of one
    token, `guesses` those of one sender with an unknown one. `known` is how many requests of token holders
    are answered at once, `strangers` how many others: together no more than there are threads."""

    body_bytes: int = 2 << 20
    held_bytes: int = 64 << 20
    token: Rate = UNLIMITED
    guesses: Rate = UNLIMITED
    known: int = 32
    strangers: int = 8
    waiting: int = 256
