"""Ids that collide: every look-up of an id, or of an entity, finds others', and files of ids are written,
merged and read again all the time. What counts must be as exact as before."""

from __future__ import annotations

import sys

from kizuna.projections import id_run, known_entities, known_ids

BITS_LEFT = 0xC000_0000_0000_0003
"""Of 64: the uppermost decide the word of a filter, the lowest its bits."""


def arrange() -> None:
    """For this whole process. Raises RuntimeError when SQL was already made with the hash as it is."""
    if "kizuna.projections.decode" in sys.modules:
        raise RuntimeError("the fold was imported before its ids could be made to collide")
    known_ids.HASH = f"({known_ids.HASH} & {BITS_LEFT}::UBIGINT)"
    known_ids.FILED = 4
    known_entities.HASH = f"({known_entities.HASH} & {BITS_LEFT}::UBIGINT)"
    id_run.FAN = 2
    id_run.BITS_AN_ID = 0
