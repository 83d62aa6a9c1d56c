"""How many examples a property gets that folds: few, for each of them takes a third of a second and more."""

from __future__ import annotations

from hypothesis import settings

MOST = 1_000


def examples(few: int) -> int:
    """`few` in `make check`; a quarter of that in `make test`, ten times that in `make soak`."""
    return max(few * min(settings().max_examples, MOST) // 100, 1)
