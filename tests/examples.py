"""How many examples a property gets that folds: few in CI, where each takes a third of a second."""

from __future__ import annotations

from hypothesis import settings

USUAL = 100
"""What Hypothesis gives a property without a number of its own."""


def examples(few: int) -> int:
    """`few`, or as many times more as the profile in force asks for: `make soak` runs fifty times as many."""
    return few * max(settings().max_examples // USUAL, 1)
