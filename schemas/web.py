"""Web site and app."""

from __future__ import annotations

from pydantic import Field

from .money import Currency, MoneyFromZero
from .payload import Count, Id, Label, Payload, event, personal


@event("page.viewed")
class PageViewed(Payload):
    """A page of the web site was shown."""

    url: str | None = Field(None, description="Whole address.")
    path: str | None = Field(None, description="Path of the address, such as /shoes/42.")
    title: Label | None = Field(None, description="Title of the page.")
    name: Label | None = Field(None, description="The site's own name for the page.")
    category: Label | None = Field(None, description="Category of the page.")
    referrer: str | None = Field(None, description="Address of the page before.")
    search: str | None = Field(None, description="Query part of the address.")


@event("screen.viewed")
class ScreenViewed(Payload):
    """A screen of the app was shown."""

    name: Label | None = Field(None, description="Name of the screen.")
    category: Label | None = Field(None, description="Category of the screen.")


class Product(Payload):
    """A product that was looked at."""

    product_id: Id = Field(description="The shop's id of the product.")
    sku: Label | None = Field(None, description="Stock keeping unit: the variant that is sold.")
    name: Label | None = Field(None, description="Name of the product.")
    category: Label | None = Field(None, description="Category of the product.")
    price: MoneyFromZero | None = Field(None, description="Price of one, in the given currency.")
    currency: Currency | None = Field(None, description="ISO 4217 code of the price.")


@event("product.viewed")
class ProductViewed(Product):
    """A product was looked at."""


@event("product.listed")
class ProductListed(Payload):
    """A list of products was shown."""

    list_id: Id | None = Field(None, description="The shop's id of the list.")
    category: Label | None = Field(None, description="Category that is listed.")
    product_ids: list[Id] | None = Field(None, description="Products in the order shown.")


@event("product.searched")
class ProductSearched(Payload):
    """The shop was searched."""

    query: str = Field(description="What was typed.", json_schema_extra={"personal_data": "free_text"})
    results: Count | None = Field(None, description="Number of results.")


@event("form.submitted")
class FormSubmitted(Payload):
    """A form was sent."""

    form_id: Id = Field(description="The site's id of the form.")
    name: Label | None = Field(None, description="Name of the form.")
    fields: dict[str, object] | None = personal("free_text", "What was filled in, by field.")
