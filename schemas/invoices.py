"""Invoices."""

from __future__ import annotations

from pydantic import Field

from .money import Currency, MoneyAboveZero, MoneyFromZero
from .payload import Id, Label, Payload, event
from .times import Day


class Invoice(Payload):
    """An invoice. What was sold is told by `order.completed` or `contract.signed`, not by this."""

    invoice_id: Id = Field(description="The billing system's id of the invoice.")
    number: Label | None = Field(None, description="Number printed on the invoice.")
    order_id: Id | None = Field(None, description="The order that is billed.")
    contract_id: Id | None = Field(None, description="The contract that is billed.")
    company_id: Id | None = Field(None, description="The company that is billed.")


@event("invoice.issued", public=False)
class InvoiceIssued(Invoice):
    """An invoice was sent."""

    amount: MoneyFromZero = Field(description="Amount billed, with tax.")
    tax: MoneyFromZero | None = Field(None, description="Tax in the amount.")
    currency: Currency = Field(description="ISO 4217 code of the amounts.")
    due_date: Day | None = Field(None, description="Last day to pay.")


@event("invoice.paid", public=False)
class InvoicePaid(Invoice):
    """An invoice was paid, as a whole or in part. Money is counted by `payment.succeeded`, not by this."""

    amount: MoneyAboveZero | None = Field(None, description="Amount paid; the whole invoice unless given.")
    balance: MoneyFromZero | None = Field(None, description="What is still due.")
    currency: Currency | None = Field(None, description="ISO 4217 code; the invoice's own unless given.")
    payment_id: Id | None = Field(None, description="The payment that paid it.")


@event("invoice.overdue", public=False)
class InvoiceOverdue(Invoice):
    """The last day to pay passed, and something is still due."""

    balance: MoneyAboveZero | None = Field(None, description="What is still due.")
    currency: Currency | None = Field(None, description="ISO 4217 code; the invoice's own unless given.")
    due_date: Day | None = Field(None, description="The day that passed.")
