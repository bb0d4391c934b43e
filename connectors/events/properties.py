"""What known events must carry in `properties`, and identify calls in `traits`, in Segment's words."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import from_json


def empty_to_none(value: object) -> object:
    """An empty text says nothing."""
    return None if value == "" else value


def json_text_to_value(value: object) -> object:
    """In CSV and Parquet a list or an object is JSON text."""
    return from_json(value, allow_inf_nan=False) if isinstance(value, str) else value


def _address_has_an_at(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"\s*\S+@\S+\s*", value):
        raise ValueError("an e-mail address must look like name@host")
    return value


def _day(value: object) -> object:
    """A date, or the day of a time; pydantic would also take seconds since 1970."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d([T ].*)?", value):
        return value[:10]
    if value is None or value == "" or isinstance(value, date):
        return value or None
    raise ValueError("a date must be YYYY-MM-DD")


Text = Annotated[str | None, BeforeValidator(empty_to_none)]
Id = Annotated[str, Field(min_length=1)]
Money = Annotated[float, Field(allow_inf_nan=False)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Properties(BaseModel):
    """Unknown properties are kept: a new column never breaks a load."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)


class Product(Properties):
    """A product, seen or added or changed."""

    product_id: Id
    name: Text = None
    category: Text = None
    price: Money | None = None
    quantity: int | None = None
    currency: Currency | None = None


class CartLine(Product):
    """A product put into a cart or taken out of it."""

    cart_id: Text = None


class CatalogueProduct(Product):
    """The state of a product in the catalogue; with a variant, how many there are of that one."""

    variant_id: Text = None
    inventory_quantity: int | None = None
    url: Text = None
    image_url: Text = None


class OrderLine(Product):
    """A line of an order: what it cost is known."""

    price: Money
    quantity: int = 1


class Cart(Properties):
    """A cart looked at, or taken to the checkout."""

    cart_id: Text = None
    order_id: Text = None
    products: Annotated[list[Product], BeforeValidator(json_text_to_value)] | None = None


class Order(Properties):
    """A completed order: its lines, or at least what it was worth."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [{"required": ["products"]}, {"required": ["revenue"]}, {"required": ["total"]}]
        }
    )

    order_id: Id
    products: Annotated[list[OrderLine], BeforeValidator(json_text_to_value)] | None = None
    revenue: Money | None = None
    total: Money | None = None
    discount: Money | None = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def worth_something_known(self) -> Self:
        """An order without lines and without a value cannot be counted."""
        if self.products is None and self.revenue is None and self.total is None:
            raise ValueError("an order needs products, revenue or total")
        return self


class OrderChange(Properties):
    """An order refunded or cancelled; without a total it is the whole order."""

    order_id: Id
    total: Money | None = None
    products: Annotated[list[Product], BeforeValidator(json_text_to_value)] | None = None
    currency: Currency | None = None


class Consent(Properties):
    """A yes or a no to one purpose on one channel."""

    channel: Word
    purpose: Word = "marketing"
    source: Text = None
    proof: Text = None
    message_id: Text = None
    reason: Text = None
    address: Text = None


class Device(Properties):
    """A device that may be pushed to."""

    token: Id
    platform: Text = None


class Bounce(Properties):
    """A message that came back; hard: the address is at fault, for good."""

    message_id: Text = None
    bounce_type: Literal["hard", "soft"] | None = None
    reason: Text = None
    address: Text = None


class SubscriptionRequest(Properties):
    """An address that asks to be subscribed; only the link that is sent there makes it a consent."""

    email: Id
    channel: Word = "email"
    purpose: Word = "marketing"
    source: Text = None


class StockRequest(Properties):
    """One message about one product, once it is back; it is no consent to any other."""

    product_id: Id
    variant_id: Text = None
    email: Text = None


class Suppression(Properties):
    """An address that must not be written to; without one, the person's; without a channel, on none."""

    address: Text = None
    channel: Text = None
    reason: Text = None


class Reply(Properties):
    """An answer to a text message; of its text only a keyword is kept."""

    keyword: Literal["stop", "start", "help"] | None = None
    in_reply_to: Text = None


class IdentifierPair(Properties):
    """A person's word that two identifiers are not, or are after all, one person; by their opaque ids."""

    identifier_id: Id
    linked_identifier_id: Id
    by: Text = None
    reason: Text = None


class IdentifyTraits(Properties):
    """What an identify call says about a person."""

    email: Annotated[Text, BeforeValidator(_address_has_an_at), BeforeValidator(empty_to_none)] = None
    phone: Text = None
    birthday: Annotated[date | None, BeforeValidator(_day)] = None


PROPERTIES: dict[str, type[Properties]] = {
    "Product Clicked": Product,
    "Product Viewed": Product,
    "Product Added": CartLine,
    "Product Removed": CartLine,
    "Product Updated": CatalogueProduct,
    "Cart Viewed": Cart,
    "Checkout Started": Cart,
    "Order Completed": Order,
    "Order Refunded": OrderChange,
    "Order Cancelled": OrderChange,
    "Subscribed": Consent,
    "Unsubscribed": Consent,
    "Subscription Requested": SubscriptionRequest,
    "Back In Stock Requested": StockRequest,
    "Device Registered": Device,
    "Device Revoked": Device,
    "Address Suppressed": Suppression,
    "Identifiers Unlinked": IdentifierPair,
    "Identifiers Relinked": IdentifierPair,
    **dict.fromkeys(
        ("Email Bounced", "SMS Failed", "Push Notification Failed", "WhatsApp Message Failed"), Bounce
    ),
    "SMS Replied": Reply,
    "WhatsApp Message Replied": Reply,
}
