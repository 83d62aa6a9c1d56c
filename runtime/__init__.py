"""Composition root: settings, wiring, command line, telemetry, simulator."""
