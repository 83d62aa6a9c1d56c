"""How many examples a property gets that folds: few, for each of them takes a third of a second and more."""

from __future__ import annotations

from hypothesis import settings

ORDINARY, MANY = 100, 500


def examples(few: int) -> int:
    """`few` in `make check`; a quarter of that in `make test`, ten times that in `make soak`."""
    asked = settings().max_examples
    return max(few * min(asked, ORDINARY) // ORDINARY, 1) * max(asked // MANY, 1)
