"""The error with which a node ends by itself."""

from __future__ import annotations

from kizuna.schemas.errors import TerminalError


class ProjectorStopped(TerminalError):
    """The node cannot fold the log any further. Nothing that was accepted is lost."""
