"""What a command's exit code says."""

from __future__ import annotations

from kizuna.schemas.errors import (
    CorruptRecord,
    ForeignLog,
    KizunaError,
    LogGap,
    StoreDamaged,
    StoreOutdated,
)

from .stopped import ProjectorStopped

FAILED = 1
CANNOT_FOLD = 3
"""Log and store do not go together: starting again does not help, so whoever supervises a node must look."""

STUCK = 4
"""The fold made no progress though there were records: another process may."""

_CANNOT_FOLD = (CorruptRecord, ForeignLog, LogGap, ProjectorStopped, StoreDamaged, StoreOutdated)


def code_of(error: KizunaError) -> int:
    return CANNOT_FOLD if isinstance(error, _CANNOT_FOLD) else FAILED
