"""How answers get out: HTTP API and page."""
