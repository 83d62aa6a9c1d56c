"""The topics of the log, and what each holds."""

from __future__ import annotations

TOUCHPOINTS = "touchpoints"
"""Envelopes (`schemas.envelope.Envelope`), keyed by a hashed subject."""

FAILED_EVENTS = "failed-events"
"""Items that were refused, with reason (`schemas.failed_event.FailedEvent`)."""

DEFINITIONS = "definitions"
"""What the fold reads besides touchpoints: traits, workspace, write keys, tokens, and what is known of
imports (`schemas.definitions`)."""

ALL = (DEFINITIONS, TOUCHPOINTS, FAILED_EVENTS)
"""In the order in which a batch is read: definitions before what they apply to."""
