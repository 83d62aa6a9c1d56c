"""How many examples a property gets that folds: few in CI, where each takes a third of a second."""

from __future__ import annotations

from hypothesis import settings

PER_FACTOR = 500


def examples(few: int) -> int:
    """`few`, times a factor where the profile in force asks for many: `make soak` runs ten times as many."""
    return few * max(settings().max_examples // PER_FACTOR, 1)
