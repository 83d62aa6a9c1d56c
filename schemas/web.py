"""Web site and app."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from .money import Currency, MoneyFromZero, Quantity, QuantityFromZero
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


class Wish(Product):
    """A product and a wish list."""

    wishlist_id: Id | None = Field(None, description="The shop's id of the wish list.")
    wishlist_name: Label | None = Field(None, description="Name of the wish list.")


@event("product.wishlisted")
class ProductWishlisted(Wish):
    """A product was put on a wish list."""


@event("product.unwishlisted")
class ProductUnwishlisted(Wish):
    """A product was taken off a wish list."""


@event("product.reviewed")
class ProductReviewed(Product):
    """A product was reviewed."""

    review_id: Id | None = Field(None, description="The shop's id of the review.")
    review_body: str | None = personal("free_text", "What the customer wrote.")
    rating: QuantityFromZero | None = Field(None, description="Points given.")
    scale: QuantityFromZero | None = Field(None, description="The most points that can be given.")


@event("product.shared")
class ProductShared(Product):
    """A product was recommended to somebody."""

    share_via: Label | None = Field(None, description="Such as email, line, x.")
    share_message: str | None = personal("free_text", "What the customer wrote.")
    recipient: Label | None = personal("contact", "To whom.")


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


class Promotion(Payload):
    """A promotion on the site or in the app: a banner, a teaser."""

    promotion_id: Id = Field(description="The site's id of the promotion.")
    name: Label | None = Field(None, description="Name of the promotion.")
    creative: Label | None = Field(None, description="The picture or text that was shown.")
    position: Label | None = Field(None, description="Where it stood, such as home_banner_1.")


@event("promotion.viewed")
class PromotionViewed(Promotion):
    """A promotion was shown."""


@event("promotion.clicked")
class PromotionClicked(Promotion):
    """A promotion was followed."""


@event("site.searched")
class SiteSearched(Payload):
    """Something else than products was searched: help pages, articles, stores."""

    query: str = Field(description="What was typed.", json_schema_extra={"personal_data": "free_text"})
    section: Label | None = Field(None, description="What was searched, such as help.")
    results: Count | None = Field(None, description="Number of results.")


class Session(Payload):
    """A session on the web site or in the app."""

    session_id: Id = Field(description="The site's id of the session.")
    landing_page: str | None = Field(None, description="Address of its first page.")
    referrer: str | None = Field(None, description="Address of the page before it.")


@event("session.started")
class SessionStarted(Session):
    """A session began."""


@event("session.ended")
class SessionEnded(Session):
    """A session is over."""

    duration_minutes: QuantityFromZero | None = Field(None, description="Length in minutes.")
    pages: Count | None = Field(None, description="Number of pages or screens shown.")
    exit_page: str | None = Field(None, description="Address of its last page.")


@event("usage.recorded")
class UsageRecorded(Payload):
    """A service was used."""

    feature: Label = Field(description="What was used, such as report_exported, api_call.")
    quantity: Quantity = Field(Decimal(1), description="How much or how often.")
    unit: Label | None = Field(None, description="Unit of the quantity, such as call, seat, gigabyte.")
    contract_id: Id | None = Field(None, description="The contract under which it was used.")
    company_id: Id | None = Field(None, description="The company that used it.")


@event("experiment.viewed")
class ExperimentViewed(Payload):
    """A variation of an experiment was shown."""

    experiment_id: Id = Field(description="The testing tool's id of the experiment.")
    experiment_name: Label | None = Field(None, description="Name of the experiment.")
    variation_id: Id | None = Field(None, description="The testing tool's id of the variation.")
    variation_name: Label | None = Field(None, description="Name of the variation.")


@event("form.submitted")
class FormSubmitted(Payload):
    """A form was sent."""

    form_id: Id = Field(description="The site's id of the form.")
    name: Label | None = Field(None, description="Name of the form.")
    fields: dict[str, object] | None = personal("free_text", "What was filled in, by field.")
