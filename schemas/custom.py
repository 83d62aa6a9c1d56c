"""Events of the sender's own: `custom.<name>`, with any properties."""

from __future__ import annotations

from .payload import Payload


class CustomEvent(Payload):
    """Kept, counted and usable in definitions, with the properties as they were sent."""
