"""The persons that examples are about, and the form of an example."""

from __future__ import annotations

from collections.abc import Mapping

Example = tuple[Mapping[str, object], Mapping[str, object]]
"""Identifiers and properties."""

CUSTOMER = {"user_id": "C-1042"}
VISITOR = {"anonymous_id": "5f1d7a3e-2c4b-4a9e-8d6f-0b1c2d3e4f50"}
MEMBER = {"card": "9900112233", "email": "hanako.sato@example.com"}
READER = {"email": "hanako.sato@example.com"}
PHONE = {"phone": "+12025550143"}
NOBODY: dict[str, object] = {}
