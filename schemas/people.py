"""Persons, companies, consent, and who belongs to what."""

from __future__ import annotations

from pydantic import Field

from .envelope import ShortText
from .money import Currency, Money
from .payload import Count, Id, Label, Part, Payload, event, personal
from .times import Day, Moment


class Address(Part):
    """A postal address."""

    postal_code: Label | None = personal("contact", "Postal code.")
    country: Label | None = personal("contact", "ISO 3166-1 alpha-2 code, such as JP.")
    region: Label | None = personal("contact", "Prefecture, state or province.")
    city: Label | None = personal("contact", "City or ward.")
    line1: Label | None = personal("contact", "Street and number.")
    line2: Label | None = personal("contact", "Building and room.")


@event("customer.identified", min_ids=1)
class CustomerIdentified(Payload):
    """What is known of a person. What is absent stays as it was; properties of your own are kept."""

    family_name: Label | None = personal("identity", "Family name.")
    given_name: Label | None = personal("identity", "Given name.")
    family_name_kana: Label | None = personal("identity", "Family name in kana.")
    given_name_kana: Label | None = personal("identity", "Given name in kana.")
    name: Label | None = personal("identity", "Whole name, where its parts are not known.")
    email: Label | None = personal("contact", "E-mail address to show; an identifier only when it is in ids.")
    phone: Label | None = personal("contact", "Phone number to show; an identifier only when it is in ids.")
    birthday: Day | None = personal("identity", "Day of birth.")
    gender: Label | None = personal("identity", "Gender, as the person gave it.")
    address: Address | None = personal("contact", "Postal address.")
    language: Label | None = Field(None, description="BCP 47 tag, such as ja or en-GB.")
    preferred_channel: Label | None = Field(None, description="Such as email, sms, line, post, phone.")
    created_at: Moment | None = Field(None, description="When the person became a customer.")


@event("customer.aliased", min_ids=2)
class CustomerAliased(Payload):
    """The identifiers of the event belong to one person."""

    reason: Label | None = Field(None, description="How that is known.")


@event("customer.grouped", min_ids=1)
class CustomerGrouped(Payload):
    """A person belongs to a company, or to an account of several persons."""

    company_id: Id = Field(description="The sender's id of the company.")
    role: Label | None = Field(None, description="What the person is there, such as buyer, admin.")


@event("company.updated", entity="company", public=False)
class CompanyUpdated(Payload):
    """What is known of a company. What is absent stays as it was."""

    company_id: Id = Field(description="The sender's id of the company.")
    name: Label | None = Field(None, description="Name.")
    corporate_number: Label | None = Field(None, description="Number in the public register.")
    industry: Label | None = Field(None, description="Industry.")
    employees: Count | None = Field(None, description="Number of employees.")
    region: Label | None = Field(None, description="Prefecture, state or country of the head office.")
    website: Label | None = Field(None, description="Address of the web site.")
    revenue: Money | None = Field(None, description="Revenue a year.")
    currency: Currency | None = Field(None, description="ISO 4217 code of the revenue.")
    parent_company_id: Id | None = Field(None, description="Id of the company that owns it.")
    owner: Id | None = Field(None, description="Id of the member of staff who looks after it.")


class Consent(Payload):
    """What a person allows."""

    purpose: ShortText = Field(description="What for, such as newsletter, profiling.")
    channel: Label | None = Field(None, description="Such as email, sms, line; every channel unless given.")
    text_version: Label | None = Field(None, description="Version of the text that the person saw.")


@event("consent.given", min_ids=1)
class ConsentGiven(Consent):
    """A person allowed it."""


@event("consent.withdrawn", min_ids=1)
class ConsentWithdrawn(Consent):
    """A person no longer allows it."""


class OwnerChanged(Payload):
    """Another member of staff looks after somebody."""

    owner: Id = Field(description="Id of the member of staff who does now.")
    previous_owner: Id | None = Field(None, description="Id of the one who did before.")
    reason: Label | None = Field(None, description="Why.")


@event("customer.owner_changed", public=False, min_ids=1)
class CustomerOwnerChanged(OwnerChanged):
    """A person has another owner."""


@event("company.owner_changed", entity="company", public=False)
class CompanyOwnerChanged(OwnerChanged):
    """A company has another owner."""

    company_id: Id = Field(description="The sender's id of the company.")


@event("entity.attributed", public=False, min_ids=1, one_thing=True)
class EntityAttributed(Payload):
    """The thing that the event names (an order, a ticket, a visit …) belongs to its person."""

    reason: Label | None = Field(None, description="How that is known.")
