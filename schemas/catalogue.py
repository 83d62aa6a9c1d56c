"""Every event type. Importing this module fills `MODELS`."""

from __future__ import annotations

import re

from . import (
    controls,
    conversations,
    fulfilment,
    identity,
    invoices,
    leads,
    loyalty,
    marketing,
    master,
    messages,
    people,
    relations,
    remarks,
    sales,
    shop,
    support,
    visits,
    web,
)
from .custom import CustomEvent
from .payload import MODELS, Payload

CUSTOM_PREFIX = "custom."
CUSTOM_PATTERN = r"^custom(\.[a-z][a-z0-9_]*)+$"
_CUSTOM = re.compile(CUSTOM_PATTERN)

MODULES = (
    *(shop, invoices, fulfilment, loyalty, web, messages, conversations, support, visits, leads, sales),
    *(marketing, people, identity, relations, remarks, master, controls),
)
"""The modules of the catalogue, in the order in which documentation shows them."""


def model_of(type_: str) -> type[Payload] | None:
    """The model of an event type; the free one for `custom.<snake_name>`, dots allowed; None if unknown."""
    model = MODELS.get(type_)
    if model is None and _CUSTOM.fullmatch(type_):
        return CustomEvent
    return model
