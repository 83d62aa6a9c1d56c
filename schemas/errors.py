"""Every error Kizuna raises, as one tree. Bad data is never raised: it is a `Refusal`."""

from __future__ import annotations


class KizunaError(Exception):
    """Root of the tree. `hint` says what to do about it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.hint}" if self.hint else message


class TransientError(KizunaError):
    """Something outside is not ready; the same call may succeed later."""


class LogUnavailable(TransientError):
    """The log cannot take or give records now: disk full, broker down, locked for too long. Retry."""


class StoreUnavailable(TransientError):
    """The store cannot be read or written now: disk full, or being opened again. Retry."""


class TerminalError(KizunaError):
    """The same call will fail again until somebody changes something."""


class ConfigurationError(TerminalError):
    """A setting, map or definition is wrong. Correct it."""


class Undeclarable(ConfigurationError):
    """A token is to declare a field that a look-up does not answer. Declare one that it does."""


class CorruptRecord(TerminalError):
    """A stored record does not match its checksum. Restore the log from a backup."""


class ForeignLog(TerminalError):
    """The store was folded from another log. Point it at its own log, or rebuild."""


class LogGap(TerminalError):
    """The log no longer holds records that the store has not folded yet. Restore the log, or rebuild."""


class StoreLocked(TerminalError):
    """Another process owns the store. Ask that process, or stop it."""


class StoreDamaged(TerminalError):
    """The store's file cannot be read as one. Rebuild it."""


class StoreOutdated(TerminalError):
    """The store was written by another version of the fold. Rebuild it."""
