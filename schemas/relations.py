"""Relations: who belongs with whom."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from .payload import Id, Label, Payload, PersonRef, event, personal

RelationKind = Literal["household", "guardian", "company_role", "referrer", "other"]


class Relation(Payload):
    """A relation of the person of the event with one other: a person, a company or a household."""

    kind: RelationKind = Field(
        description="household: they live together; guardian: the other one is the person's guardian; "
        "company_role: the person works for the company; referrer: the other one recommended the company."
    )
    person: PersonRef | None = personal("contact", "An identifier of the other person.")
    company_id: Id | None = Field(None, description="The company.")
    household_id: Id | None = Field(None, description="The sender's id of the household.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(other is not None for other in (self.person, self.company_id, self.household_id)) != 1:
            raise ValueError("send one of person, company_id, household_id")
        return self


@event("relation.linked", public=False, min_ids=1)
class RelationLinked(Relation):
    """A relation holds from now on, or has another role."""

    role: Label | None = Field(None, description="Such as mother, child, buyer, decision_maker.")


@event("relation.unlinked", public=False, min_ids=1)
class RelationUnlinked(Relation):
    """A relation no longer holds."""

    reason: Label | None = Field(None, description="Why.")
