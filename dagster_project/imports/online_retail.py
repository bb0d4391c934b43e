"""UCI Online Retail (a UK gift shop, 2010-12-01 … 2011-12-09) as Segment events, one landing file per day.

- `identify` when a customer is first seen in any line, and again when the country changes.
- `Product Updated` when a stock code is first sold: name and price of that line.
- `Order Completed` per invoice: all lines with quantity and price above zero, administrative codes and exact
  duplicates included. Lines at price 0 are stock corrections and do not count. Guests have no user id.
- `Order Refunded` per cancellation (an invoice number that starts with C) and order it refunds. A cancelled
  line belongs to the customer's latest earlier invoice that sold this stock code at this price and of which
  at least this quantity has not been cancelled before. Lines that no invoice fits keep the cancellation's
  own number as their order id.

The file tells wall-clock times; they are taken as UTC. File names and event ids depend on the data alone:
importing again writes nothing, and what is loaded twice counts once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.landing import names_ever
from dagster_project.imports.online_retail_file import read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from connectors.landing import Landing

FOLDER = "online_retail"
SOURCE = "online_retail"


@dataclass(frozen=True)
class ImportResult:
    """What the file holds, and how many landing files were written for it (0 if they were there)."""

    files_written: int
    customers: int
    products: int
    orders: int
    guest_orders: int
    refunds: int
    unmatched_refunds: int


def import_online_retail(
    path: Path,
    landing: Landing,
    *,
    until: date | None = None,
    with_addresses: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> ImportResult:
    """Write landing files for the days that are not there yet.

    Args:
        path: `online_retail.parquet`.
        landing: where the files go, as `online_retail/<day>.ndjson`.
        until: import only the days before this one.
        with_addresses: also write `online_retail/<day>.consents.ndjson`, in which each new customer gets the
            address `<customer>@customers.example`, which the data lack, and subscribes to marketing by
            e-mail.
        progress: told `days`, files written, files to write.

    Raises:
        BadFileError: it is no Parquet file, or lacks columns.
    """
    customers, products, orders, sold, cancelled = read_lines(path, until)
    refunds = match_refunds(sold, cancelled)
    files: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in _events(customers, products, orders, refunds):
        files[f"{FOLDER}/{record['timestamp'][:10]}.ndjson"].append(record)
    for customer in customers if with_addresses else ():
        if customer["is_first"]:
            files[f"{FOLDER}/{customer['occurred_at']:%Y-%m-%d}.consents.ndjson"] += _consent(customer)
    there = names_ever(landing)
    missing = sorted(name for name in files if name not in there)
    for number, name in enumerate(missing, 1):
        landing.write(name, sorted(files[name], key=lambda record: record["timestamp"]))
        if progress:
            progress("days", number, len(missing))
    return ImportResult(
        files_written=len(missing),
        customers=sum(customer["is_first"] for customer in customers),
        products=len(products),
        orders=len(orders),
        guest_orders=sum(order["customer_id"] is None for order in orders),
        refunds=len(refunds),
        unmatched_refunds=sum(not refund["is_matched"] for refund in refunds),
    )


def match_refunds(sold: list[dict[str, Any]], cancelled: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One refund per cancellation and order that it refunds.

    Args:
        sold: quantity per customer, stock code, price and invoice, in the order of time.
        cancelled: cancelled lines in the order of time.
    """
    sales: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for sale in sold:
        sales[sale["customer_id"], sale["stock_code"], sale["unit_price"]].append(
            sale | {"left": sale["quantity"]}
        )
    refunds: dict[tuple[str, str], dict[str, Any]] = {}
    for line in cancelled:
        candidates = sales[line["customer_id"], line["stock_code"], line["unit_price"]]
        earlier = (sale for sale in reversed(candidates) if sale["invoiced_at"] <= line["occurred_at"])
        match = next((sale for sale in earlier if sale["left"] >= line["quantity"]), None)
        if match:
            match["left"] -= line["quantity"]
        order_id = match["invoice_no"] if match else line["invoice_no"]
        refund = refunds.setdefault(
            (line["invoice_no"], order_id),
            {
                **line,
                "order_id": order_id,
                "is_matched": match is not None,
                "total": Decimal(0),
                "products": [],
            },
        )
        refund["total"] += line["value"]
        refund["products"].append(
            {
                "product_id": line["stock_code"],
                "name": line["description"],
                "quantity": line["quantity"],
                "price": line["unit_price"],
            }
        )
    return list(refunds.values())


def _events(
    customers: list[Any], products: list[Any], orders: list[Any], refunds: list[Any]
) -> Iterator[dict[str, Any]]:
    for customer in customers:
        known = f"customer-{customer['customer_id']}-{customer['occurred_at']:%Y%m%d%H%M}"
        yield _record(known, customer, type="identify", traits={"country": customer["country"]})
    for product in products:
        yield _record(
            f"product-{product['stock_code']}",
            product,
            event="Product Updated",
            properties={
                "product_id": product["stock_code"],
                "name": product["name"],
                "price": product["price"],
                "currency": "GBP",
            },
        )
    for order in orders:
        yield _record(
            f"order-{order['invoice_no']}",
            order,
            event="Order Completed",
            properties={"order_id": order["invoice_no"], "currency": "GBP", "products": order["products"]},
        )
    for refund in refunds:
        identity = f"refund-{refund['invoice_no']}-{refund['order_id']}"
        yield _record(
            identity,
            refund,
            event="Order Refunded",
            properties={
                "order_id": refund["order_id"],
                "total": float(round(refund["total"], 2)),
                "currency": "GBP",
                "products": refund["products"],
            },
        )


def _consent(customer: dict[str, Any]) -> list[dict[str, Any]]:
    identity = customer["customer_id"]
    return [
        _record(
            f"address-{identity}",
            customer,
            type="identify",
            traits={"email": f"{identity}@customers.example"},
        ),
        _record(
            f"consent-{identity}",
            customer,
            event="Subscribed",
            properties={"channel": "email", "purpose": "marketing", "source": SOURCE},
        ),
    ]


def _record(identity: str, row: dict[str, Any], **call: object) -> dict[str, Any]:
    """One Segment call of this row's customer (nobody's for guests and products) at this row's time."""
    occurred_at: datetime = row["occurred_at"]
    record = {
        "type": "track",
        "messageId": f"{SOURCE}-{identity}",
        "timestamp": f"{occurred_at.isoformat()}Z",
        "source": SOURCE,
        **call,
    }
    return record | ({"userId": row["customer_id"]} if row.get("customer_id") else {})
