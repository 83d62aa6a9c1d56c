"""Decisions about who is who: merge, unmerge, split. They are kept, but profiles do not follow them yet."""

from __future__ import annotations

from pydantic import Field

from .payload import Label, Payload, PersonRef, event


class Pair(Payload):
    """The person of the event, and another one."""

    other: PersonRef = Field(
        description="An identifier of the other one.", json_schema_extra={"personal_data": "contact"}
    )
    reason: Label | None = Field(None, description="How that is known.")


@event("customer.merged", public=False, min_ids=1)
class CustomerMerged(Pair):
    """Both are one person."""


@event("customer.unmerged", public=False, min_ids=1)
class CustomerUnmerged(Pair):
    """A merge is taken back: both are two persons again."""


@event("customer.link_forbidden", public=False, min_ids=1)
class CustomerLinkForbidden(Pair):
    """Both are never to be one person, whatever their events say (a cannot-link)."""


@event("customer.split", public=False, min_ids=1)
class CustomerSplit(Payload):
    """Some identifiers of a person belong to somebody else."""

    identifiers: list[PersonRef] = Field(
        min_length=1,
        max_length=50,
        description="The identifiers that leave, all to one new person.",
        json_schema_extra={"personal_data": "contact"},
    )
    reason: Label | None = Field(None, description="How that is known.")
