"""Traces: off unless a setting, or the standard environment of OpenTelemetry, says where they go."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from starlette.types import ASGIApp

from kizuna.processors.services import Services
from kizuna.schemas.errors import ConfigurationError

from .settings import Settings

logger = logging.getLogger(__name__)

ENVIRONMENT = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
INSTALL = "pip install 'kizuna[otel]'"


class Traces(Protocol):
    """What a node passes through here comes back traced."""

    def services(self, services: Services) -> Services:
        """Their log and their projector."""
        ...

    def application(self, app: ASGIApp) -> ASGIApp:
        """Its requests."""
        ...


class Untraced:
    """All stays as it is."""

    def services(self, services: Services) -> Services:
        return services

    def application(self, app: ASGIApp) -> ASGIApp:
        return app


@contextmanager
def traced(settings: Settings) -> Iterator[Traces]:
    """What was traced is sent before this ends. Raises ConfigurationError when the setting asks for traces
    and OpenTelemetry is not installed; where only the environment asks, it is a warning: that may be meant
    for others."""
    if not settings.otel_endpoint and not any(os.environ.get(name) for name in ENVIRONMENT):
        yield Untraced()
        return
    try:
        from . import spans
    except ImportError:
        if settings.otel_endpoint:
            raise ConfigurationError(
                "otel_endpoint is set, but OpenTelemetry is not installed.", hint=f"Run `{INSTALL}`."
            ) from None
        logger.warning("the environment asks for traces, but OpenTelemetry is not installed: %s", INSTALL)
        yield Untraced()
        return
    provider = spans.provider(settings.otel_endpoint)
    try:
        yield spans.Spans(provider)
    finally:
        provider.shutdown()
