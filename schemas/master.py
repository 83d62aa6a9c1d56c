"""Master data: products, stores, staff and exchange rates. What is absent in an update stays as it was."""

from __future__ import annotations

from pydantic import Field

from .money import Currency, ExchangeRate, MoneyFromZero
from .payload import Id, Label, Payload, event, personal
from .times import Day


@event("product.updated", public=False)
class ProductUpdated(Payload):
    """What is known of a product."""

    product_id: Id = Field(description="The shop's id of the product.")
    sku: Label | None = Field(None, description="Stock keeping unit.")
    name: Label | None = Field(None, description="Name.")
    category: Label | None = Field(None, description="Category.")
    brand: Label | None = Field(None, description="Brand.")
    price: MoneyFromZero | None = Field(None, description="List price of one.")
    unit_cost: MoneyFromZero | None = Field(None, description="What one costs the shop, without tax.")
    currency: Currency | None = Field(None, description="ISO 4217 code of price and cost.")
    active: bool | None = Field(None, description="Whether it is on sale.")


@event("store.updated", public=False)
class StoreUpdated(Payload):
    """What is known of a store."""

    store_id: Id = Field(description="The id that events name in place.store.")
    name: Label | None = Field(None, description="Name.")
    region: Label | None = Field(None, description="Prefecture, state or country.")
    city: Label | None = Field(None, description="City or ward.")
    time_zone: Label | None = Field(None, description="IANA name, such as Asia/Tokyo.")
    active: bool | None = Field(None, description="Whether it is open for business.")


@event("staff.updated", public=False)
class StaffUpdated(Payload):
    """What is known of a member of staff."""

    staff_id: Id = Field(description="The id that events name in staff_id, owner and assignee.")
    name: Label | None = personal("identity", "Name.")
    email: Label | None = personal("contact", "E-mail address.")
    role: Label | None = Field(None, description="Such as stylist, support, sales.")
    team: Label | None = Field(None, description="Team.")
    store_id: Id | None = Field(None, description="The store where they work.")
    active: bool | None = Field(None, description="Whether they still work here.")


@event("exchange_rate.updated", public=False)
class ExchangeRateUpdated(Payload):
    """What one currency is worth in another on a day."""

    date: Day = Field(description="The day from which it holds.")
    base_currency: Currency = Field(description="ISO 4217 code of the currency of which one unit is told.")
    quote_currency: Currency = Field(description="ISO 4217 code of the currency in which it is told.")
    rate: ExchangeRate = Field(description="Units of quote_currency for one of base_currency.")
