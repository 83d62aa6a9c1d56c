"""A command of Kizuna as tests see it: what it was given, what it told."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import orjson

MAIL = "hanako.sato@example.com"


class Told(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> object:
        return orjson.loads(self.out)


Run = Callable[..., Told]


def verdicts(told: Told) -> dict[str, str]:
    """What the doctor says of each of its checks."""
    answer = told.json
    assert isinstance(answer, dict)
    return {one["check"]: one["verdict"] for one in answer["findings"]}
