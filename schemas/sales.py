"""Deals, quotes, contracts, activities and tasks of a sales team."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, model_validator

from .envelope import ShortText
from .money import Currency, MoneyFromZero, Rate
from .payload import Count, Id, Label, Payload, event, personal
from .times import Day, Moment

Interval = Literal["month", "quarter", "year", "once"]


def _in_currency(amount: Decimal | None, currency: str | None) -> None:
    if amount is not None and currency is None:
        raise ValueError("amount needs a currency: send currency")


class Deal(Payload):
    """A deal (opportunity)."""

    deal_id: Id = Field(description="The sales system's id of the deal.")
    company_id: Id | None = Field(None, description="The company it is with.")


@event("deal.created", entity="deal", public=False)
class DealCreated(Deal):
    """A deal was opened."""

    name: Label | None = Field(None, description="Name of the deal.")
    pipeline: Label | None = Field(None, description="Pipeline it runs through.")
    stage: Label | None = Field(None, description="First stage.")
    amount: MoneyFromZero | None = Field(None, description="Expected amount.")
    currency: Currency | None = Field(None, description="ISO 4217 code of the amount.")
    owner: Id | None = Field(None, description="Id of the member of staff who owns it.")
    close_date: Day | None = Field(None, description="Day on which it is expected to close.")
    probability: Rate | None = Field(None, description="Chance of winning, from 0 to 1.")
    product: Label | None = Field(None, description="What is to be sold.")
    source: Label | None = Field(None, description="Where the deal came from.")

    @model_validator(mode="after")
    def _complete(self) -> DealCreated:
        _in_currency(self.amount, self.currency)
        return self


@event("deal.stage_changed", entity="deal", public=False)
class DealStageChanged(Deal):
    """A deal moved to another stage."""

    stage: ShortText = Field(description="The new stage.")
    probability: Rate | None = Field(None, description="Chance of winning, from 0 to 1.")


@event("deal.amount_changed", entity="deal", public=False)
class DealAmountChanged(Deal):
    """A deal is expected to bring another amount."""

    amount: MoneyFromZero = Field(description="The new amount.")
    currency: Currency | None = Field(None, description="ISO 4217 code; the deal's own unless given.")


@event("deal.owner_changed", entity="deal", public=False)
class DealOwnerChanged(Deal):
    """A deal has another owner."""

    owner: Id = Field(description="Id of the member of staff who owns it now.")


@event("deal.close_date_changed", entity="deal", public=False)
class DealCloseDateChanged(Deal):
    """A deal is expected to close on another day."""

    close_date: Day = Field(description="The new day.")


@event("deal.contact_added", entity="deal", public=False)
class DealContactAdded(Deal):
    """The person of the event takes part in the deal."""

    role: Label | None = Field(None, description="Such as decision_maker, champion, user.")


@event("deal.won", entity="deal", public=False)
class DealWon(Deal):
    """A deal was won."""

    amount: MoneyFromZero | None = Field(None, description="Final amount; the deal's last one unless given.")
    currency: Currency | None = Field(None, description="ISO 4217 code; the deal's own unless given.")
    reason: Label | None = Field(None, description="Why.")


@event("deal.lost", entity="deal", public=False)
class DealLost(Deal):
    """A deal was lost."""

    reason: Label | None = Field(None, description="Why.")


class Quote(Payload):
    """An offer with a price."""

    quote_id: Id = Field(description="The sales system's id of the quote.")
    deal_id: Id | None = Field(None, description="The deal it is for.")
    company_id: Id | None = Field(None, description="The company it is for.")


@event("quote.created", public=False)
class QuoteCreated(Quote):
    """A quote was written."""

    number: Label | None = Field(None, description="Number printed on the quote.")
    title: Label | None = Field(None, description="What is offered.")
    amount: MoneyFromZero | None = Field(None, description="Amount offered.")
    currency: Currency | None = Field(None, description="ISO 4217 code of the amount.")
    expires_on: Day | None = Field(None, description="Last day on which it holds.")
    owner: Id | None = Field(None, description="Id of the member of staff who wrote it.")

    @model_validator(mode="after")
    def _complete(self) -> QuoteCreated:
        _in_currency(self.amount, self.currency)
        return self


@event("quote.sent", public=False)
class QuoteSent(Quote):
    """A quote was given to the customer."""


@event("quote.accepted", public=False)
class QuoteAccepted(Quote):
    """The customer took the offer."""


@event("quote.declined", public=False)
class QuoteDeclined(Quote):
    """The customer refused the offer."""

    reason: Label | None = Field(None, description="Why.")


@event("quote.expired", public=False)
class QuoteExpired(Quote):
    """The offer no longer holds."""


class Contract(Payload):
    """A contract or subscription."""

    contract_id: Id = Field(description="The sender's id of the contract.")
    company_id: Id | None = Field(None, description="The company it is with.")


@event("contract.signed", entity="contract", public=False)
class ContractSigned(Contract):
    """A contract was signed."""

    name: Label | None = Field(None, description="Name of the contract.")
    plan: Label | None = Field(None, description="Plan agreed.")
    amount: MoneyFromZero | None = Field(None, description="Amount due each interval.")
    currency: Currency | None = Field(None, description="ISO 4217 code of the amount.")
    interval: Interval | None = Field(None, description="How often the amount is due.")
    starts_on: Day | None = Field(None, description="First day.")
    ends_on: Day | None = Field(None, description="Last day; open-ended when absent.")
    auto_renew: bool | None = Field(None, description="Whether it goes on by itself after the last day.")
    deal_id: Id | None = Field(None, description="The deal it came from.")

    @model_validator(mode="after")
    def _complete(self) -> ContractSigned:
        _in_currency(self.amount, self.currency)
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError("ends_on is before starts_on")
        return self


@event("contract.renewed", entity="contract", public=False)
class ContractRenewed(Contract):
    """A contract goes on."""

    ends_on: Day | None = Field(None, description="New last day.")
    amount: MoneyFromZero | None = Field(None, description="Amount due each interval from now on.")
    currency: Currency | None = Field(None, description="ISO 4217 code; the contract's own unless given.")


@event("contract.plan_changed", entity="contract", public=False)
class ContractPlanChanged(Contract):
    """A contract has another plan."""

    plan: ShortText = Field(description="The new plan.")
    amount: MoneyFromZero | None = Field(None, description="Amount due each interval from now on.")
    currency: Currency | None = Field(None, description="ISO 4217 code; the contract's own unless given.")


@event("contract.notice_given", entity="contract", public=False)
class ContractNoticeGiven(Contract):
    """A contract was terminated and runs out."""

    ends_on: Day | None = Field(None, description="Last day.")
    reason: Label | None = Field(None, description="Why.")


@event("contract.ended", entity="contract", public=False)
class ContractEnded(Contract):
    """A contract is over."""

    ended_on: Day | None = Field(None, description="Last day; the day of the event unless given.")
    reason: Label | None = Field(None, description="Why.")


@event("activity.logged", public=False)
class ActivityLogged(Payload):
    """Somebody of the sales team was in touch."""

    activity_id: Id | None = Field(None, description="The sales system's id of the activity.")
    kind: Literal["call", "meeting", "note", "proposal", "business_card", "other"] = Field(
        description="What was done."
    )
    subject: Label | None = personal("free_text", "What it was about.")
    text: str | None = personal("free_text", "What was said.")
    outcome: Label | None = Field(None, description="What came of it.")
    duration_minutes: Count | None = Field(None, description="Length in minutes.")
    staff_id: Id | None = Field(None, description="Who was in touch.")
    deal_id: Id | None = Field(None, description="The deal it was about.")
    company_id: Id | None = Field(None, description="The company it was with.")


class Task(Payload):
    """Something that somebody has to do."""

    task_id: Id = Field(description="The sender's id of the task.")
    deal_id: Id | None = Field(None, description="The deal it is for.")
    company_id: Id | None = Field(None, description="The company it is for.")


@event("task.created", entity="task", public=False)
class TaskCreated(Task):
    """A task was set."""

    title: Label = Field(description="What is to be done.", json_schema_extra={"personal_data": "free_text"})
    due_at: Moment | None = Field(None, description="When it is due.")
    assignee: Id | None = Field(None, description="Id of the member of staff.")
    priority: Label | None = Field(None, description="Such as low, normal, high.")


@event("task.updated", entity="task", public=False)
class TaskUpdated(Task):
    """A task changed. What is absent stays as it was."""

    title: Label | None = personal("free_text", "What is to be done.")
    due_at: Moment | None = Field(None, description="When it is due.")
    assignee: Id | None = Field(None, description="Id of the member of staff.")
    priority: Label | None = Field(None, description="Such as low, normal, high.")


@event("task.completed", entity="task", public=False)
class TaskCompleted(Task):
    """A task is done."""

    outcome: Label | None = Field(None, description="What came of it.")


@event("task.cancelled", entity="task", public=False)
class TaskCancelled(Task):
    """A task is no longer wanted."""

    reason: Label | None = Field(None, description="Why.")
