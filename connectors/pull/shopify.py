"""Shopify's orders, customers and products, page by page, in the bodies of its webhooks.

So whatever turns a webhook into events does the same for what was pulled, under the same ids. Fields are
those of the GraphQL Admin API 2026-10: https://shopify.dev/docs/api/admin-graphql/2026-10. Orders older than
60 days are there only with the scope `read_all_orders`. No cart token is told: a pulled order names no cart.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.collector.sources import shopify_things as things
from connectors.errors import TryAgain
from connectors.pull.graphql import AdminApi, TooCostly

API_VERSION = "2026-10"
MOST_AT_A_TIME = 50

Node = Mapping[str, Any]

LINES = """lineItems(first: 25, after: $lines) {
    nodes {
      title quantity
      originalUnitPriceSet { shopMoney { amount } }
      product { legacyResourceId } variant { legacyResourceId }
    }
    pageInfo { hasNextPage endCursor }
  }"""
PERSON = """legacyResourceId firstName lastName createdAt
    defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber }"""
ORDERS = f"""query Orders($first: Int!, $after: String, $filter: String, $lines: String) {{
  page: orders(first: $first, after: $after, query: $filter, sortKey: UPDATED_AT) {{
    nodes {{
      id legacyResourceId createdAt updatedAt cancelledAt currencyCode email phone displayFulfillmentStatus
      totalPriceSet {{ shopMoney {{ amount }} }}
      totalDiscountsSet {{ shopMoney {{ amount }} }}
      customer {{ {PERSON} }}
      fulfillments(first: 10) {{ createdAt }}
      refunds(first: 20) {{
        legacyResourceId createdAt
        transactions(first: 10) {{
          nodes {{ kind status amountSet {{ shopMoney {{ amount currencyCode }} }} }}
        }}
      }}
      {LINES}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
MORE_LINES = f"""query Lines($id: ID!, $lines: String) {{ order(id: $id) {{ {LINES} }} }}"""
WORD = "marketingState marketingOptInLevel marketingUpdatedAt"
CUSTOMERS = f"""query Customers($first: Int!, $after: String, $filter: String) {{
  page: customers(first: $first, after: $after, query: $filter, sortKey: UPDATED_AT) {{
    nodes {{
      legacyResourceId firstName lastName createdAt updatedAt
      defaultEmailAddress {{ emailAddress {WORD} }}
      defaultPhoneNumber {{ phoneNumber {WORD} }}
    }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
PRODUCTS = """query Products($first: Int!, $after: String, $filter: String) {
  page: products(first: $first, after: $after, query: $filter, sortKey: UPDATED_AT) {
    nodes {
      legacyResourceId title productType updatedAt totalInventory
      priceRangeV2 { minVariantPrice { amount } }
      featuredMedia { preview { image { url } } }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of thing that can be pulled.

    Attributes:
        query: one page, named `page`.
        body: a node as the body of a webhook.
        calls: what the body means.
    """

    query: str
    body: Callable[[Node], dict[str, Any]]
    calls: Callable[[things.Body], things.Calls]


@dataclass(frozen=True, slots=True)
class Page:
    """Some calls, and where the next page begins; none after the last."""

    calls: list[dict[str, Any]]
    cursor: str | None


async def pages(
    api: AdminApi, resource: Resource, *, since: str | None = None, cursor: str | None = None
) -> AsyncIterator[Page]:
    """What has changed, oldest first, beginning behind a cursor.

    Args:
        api: the shop's.
        resource: one of `RESOURCES`.
        since: ISO time in UTC; only what has changed since.
        cursor: of an earlier page; it holds only with the same `since`.

    Raises:
        StopSync, TryAgain: as in `AdminApi.ask`.
    """
    size, told = MOST_AT_A_TIME, f"updated_at:>='{since}'" if since else None
    while True:
        try:
            answer = await api.ask(resource.query, first=size, after=cursor, filter=told)
        except TooCostly:
            if size == 1:
                raise
            size //= 2
            continue
        nodes, cursor = _page(answer.get("page"))
        yield Page([call for node in nodes for call in await _calls(api, resource, node)], cursor)
        if cursor is None:
            return


async def _calls(api: AdminApi, resource: Resource, node: Node) -> list[dict[str, Any]]:
    if "lineItems" in node:
        node = {**node, "lineItems": {"nodes": [line async for line in _all_lines(api, node)]}}
    try:
        return [things.without_none(call) for call in resource.calls(resource.body(node))]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TryAgain(f"Shopify told something that cannot be read: {type(error).__name__}") from error


async def _all_lines(api: AdminApi, order: Node) -> AsyncIterator[Node]:
    lines, cursor = _page(order["lineItems"])
    while True:
        for line in lines:
            yield line
        if cursor is None:
            return
        answer = await api.ask(MORE_LINES, id=order["id"], lines=cursor)
        lines, cursor = _page((answer.get("order") or {}).get("lineItems"))


def _page(connection: object) -> tuple[list[Node], str | None]:
    """Nodes, and the cursor of what follows them."""
    try:
        nodes, info = connection["nodes"], connection.get("pageInfo") or {}  # type: ignore[index, attr-defined]
        return list(nodes), str(info["endCursor"]) if info.get("hasNextPage") else None
    except (KeyError, TypeError, AttributeError) as error:
        raise TryAgain("Shopify told a page that cannot be read") from error


def _order_body(node: Node) -> dict[str, Any]:
    is_fulfilled = node["displayFulfillmentStatus"] == "FULFILLED"
    return {
        "id": node["legacyResourceId"],
        "created_at": node["createdAt"],
        "cancelled_at": node["cancelledAt"],
        "currency": node["currencyCode"],
        "email": node["email"],
        "phone": node["phone"],
        "total_price": _amount(node["totalPriceSet"]),
        "total_discounts": _amount(node["totalDiscountsSet"]),
        "customer": _person_body(node["customer"]) if node["customer"] else None,
        "fulfillment_status": "fulfilled" if is_fulfilled else None,
        "fulfillments": [{"created_at": each["createdAt"]} for each in node["fulfillments"]],
        "refunds": [_refund_body(each) for each in node["refunds"]],
        "line_items": [_line_body(each) for each in node["lineItems"]["nodes"]],
    }


def _refund_body(node: Node) -> dict[str, Any]:
    return {
        "id": node["legacyResourceId"],
        "created_at": node["createdAt"],
        "transactions": [
            {
                "kind": each["kind"].lower(),
                "status": each["status"].lower(),
                "amount": each["amountSet"]["shopMoney"]["amount"],
                "currency": each["amountSet"]["shopMoney"]["currencyCode"],
            }
            for each in node["transactions"]["nodes"]
        ],
    }


def _line_body(node: Node) -> dict[str, Any]:
    return {
        "title": node["title"],
        "quantity": node["quantity"],
        "price": _amount(node["originalUnitPriceSet"]),
        "product_id": (node["product"] or {}).get("legacyResourceId"),
        "variant_id": (node["variant"] or {}).get("legacyResourceId"),
    }


def _person_body(node: Node) -> dict[str, Any]:
    return {
        "id": node["legacyResourceId"],
        "email": (node["defaultEmailAddress"] or {}).get("emailAddress"),
        "phone": (node["defaultPhoneNumber"] or {}).get("phoneNumber"),
        "first_name": node["firstName"],
        "last_name": node["lastName"],
        "created_at": node["createdAt"],
    }


def _customer_body(node: Node) -> dict[str, Any]:
    return {
        **_person_body(node),
        "updated_at": node["updatedAt"],
        "email_marketing_consent": _word(node["defaultEmailAddress"]),
        "sms_marketing_consent": _word(node["defaultPhoneNumber"]),
    }


def _word(address: Node | None) -> dict[str, Any]:
    given = address or {}
    return {
        "state": (given.get("marketingState") or "").lower(),
        "opt_in_level": (given.get("marketingOptInLevel") or "").lower() or None,
        "consent_updated_at": given.get("marketingUpdatedAt"),
    }


def _product_body(node: Node) -> dict[str, Any]:
    """As one variant, at the lowest price and with the whole stock: that is all that is made of variants."""
    preview = (node["featuredMedia"] or {}).get("preview") or {}
    price = node["priceRangeV2"]["minVariantPrice"]["amount"]
    return {
        "id": node["legacyResourceId"],
        "title": node["title"],
        "product_type": node["productType"],
        "updated_at": node["updatedAt"],
        "image": {"src": (preview.get("image") or {}).get("url")},
        "variants": [{"price": price, "inventory_quantity": node["totalInventory"]}],
    }


def _amount(money: Node) -> str:
    return str(money["shopMoney"]["amount"])


RESOURCES: Mapping[str, Resource] = {
    "products": Resource(PRODUCTS, _product_body, things.product_changed),
    "customers": Resource(CUSTOMERS, _customer_body, things.customer_changed),
    "orders": Resource(ORDERS, _order_body, things.order_as_it_is),
}
"""In the order in which they explain each other."""
