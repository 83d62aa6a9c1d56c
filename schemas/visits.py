"""Visits to a salon, clinic or shop by appointment."""

from __future__ import annotations

from pydantic import Field, model_validator

from .money import Currency, MoneyFromZero
from .payload import Count, Id, Label, Part, Payload, event
from .times import Moment


class MenuItem(Part):
    """One service of a visit."""

    name: Label = Field(description="Name of the service.")
    price: MoneyFromZero | None = Field(None, description="Price, in the event's currency.")
    staff_id: Id | None = Field(None, description="Who does it.")


class Visit(Payload):
    """A visit."""

    visit_id: Id = Field(description="The booking system's id of the visit.")
    staff_id: Id | None = Field(None, description="Who serves.")


@event("visit.booked", entity="visit")
class VisitBooked(Visit):
    """A visit was booked."""

    starts_at: Moment = Field(description="Agreed begin.")
    duration_minutes: Count | None = Field(None, description="Planned length in minutes.")
    menu: list[MenuItem] | None = Field(None, description="Services booked.")
    currency: Currency | None = Field(None, description="ISO 4217 code of the prices.")


@event("visit.rescheduled", entity="visit")
class VisitRescheduled(Visit):
    """A visit was moved."""

    starts_at: Moment = Field(description="New begin.")
    duration_minutes: Count | None = Field(None, description="Planned length in minutes.")


@event("visit.completed", entity="visit")
class VisitCompleted(Visit):
    """The customer came and was served. Revenue follows `order.completed`, not this."""

    menu: list[MenuItem] | None = Field(None, description="Services done.")
    duration_minutes: Count | None = Field(None, description="True length in minutes.")
    total: MoneyFromZero | None = Field(None, description="What the visit cost.")
    currency: Currency | None = Field(None, description="ISO 4217 code of total and prices.")
    next_booking: Moment | None = Field(None, description="Begin of the next visit agreed.")

    @model_validator(mode="after")
    def _in_currency(self) -> VisitCompleted:
        if self.total is not None and self.currency is None:
            raise ValueError("total needs a currency: send currency")
        return self


@event("visit.cancelled", entity="visit")
class VisitCancelled(Visit):
    """A booked visit was cancelled."""

    reason: Label | None = Field(None, description="Why.")


@event("visit.no_show", entity="visit")
class VisitNoShow(Visit):
    """The customer did not come."""


@event("treatment.noted", public=False)
class TreatmentNoted(Payload):
    """A note on a treatment: recipe, skin, hair, health."""

    visit_id: Id | None = Field(None, description="The visit it belongs to.")
    text: str = Field(description="The note.", json_schema_extra={"personal_data": "sensitive"})
    staff_id: Id | None = Field(None, description="Who wrote it.")
