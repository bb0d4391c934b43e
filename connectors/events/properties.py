"""What known events must carry in `properties`, and identify calls in `traits`, in Segment's words."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from connectors.events.values import (
    CreationTime,
    Currency,
    Day,
    EmailAddress,
    Id,
    JsonList,
    Money,
    OptionalMoney,
    OptionalQuantity,
    Quantity,
    Stock,
    Text,
    Word,
)


class Properties(BaseModel):
    """Unknown properties are kept: a new column never breaks a load."""

    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)


class Product(Properties):
    """A product, seen or added or changed."""

    product_id: Id
    name: Text = None
    category: Text = None
    price: OptionalMoney = None
    quantity: OptionalQuantity = None
    currency: Currency | None = None


class SeenProduct(Product):
    """A product that somebody looks at, perhaps with how many there are of it."""

    inventory_quantity: Stock = None


class CartLine(SeenProduct):
    """A product put into a cart or taken out of it."""

    cart_id: Text = None


class CatalogueProduct(SeenProduct):
    """The state of a product in the catalogue; with a variant, how many there are of that one."""

    variant_id: Text = None
    url: Text = None
    image_url: Text = None


class OrderLine(Product):
    """A line of an order: what it cost is known."""

    price: Money
    quantity: Quantity = 1


class Cart(Properties):
    """A cart looked at, or taken to the checkout."""

    cart_id: Text = None
    order_id: Text = None
    products: JsonList[Product] | None = None


class Order(Properties):
    """A completed order: its lines, or at least what it was worth."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["products"], "properties": {"products": {"type": "array", "minItems": 1}}},
                {"required": ["revenue"], "properties": {"revenue": {"type": "number"}}},
                {"required": ["total"], "properties": {"total": {"type": "number"}}},
            ]
        }
    )

    order_id: Id
    products: JsonList[OrderLine] | None = None
    revenue: OptionalMoney = None
    total: OptionalMoney = None
    discount: OptionalMoney = None
    currency: Currency | None = None

    @model_validator(mode="after")
    def worth_something_known(self) -> Self:
        """An order without lines and without a value cannot be counted."""
        if not self.products and self.revenue is None and self.total is None:
            raise ValueError("an order needs products, revenue or total")
        return self


class OrderChange(Properties):
    """An order refunded or cancelled; without a total it is the whole order."""

    order_id: Id
    total: OptionalMoney = None
    products: JsonList[Product] | None = None
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

    email: EmailAddress = None
    phone: Text = None
    birthday: Day = None
    created_at: CreationTime = None
    camel_case_created_at: CreationTime = Field(None, alias="createdAt")


PROPERTIES: dict[str, type[Properties]] = {
    "Product Clicked": SeenProduct,
    "Product Viewed": SeenProduct,
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
